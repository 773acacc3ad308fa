"""The OpenAI Images API, offline: the server, its pytest fixtures and its contract."""

__all__ = ["__version__"]

__version__ = "0.1.0"
