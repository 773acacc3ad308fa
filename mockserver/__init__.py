"""The OpenAI Images API, offline: the server, its pytest fixtures and its contract."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.library import create_app as create_app
    from mockserver.library import serve as serve
    from mockserver.mock import ImagesMock as ImagesMock

__all__ = ["ImagesMock", "__version__", "create_app", "serve"]

__version__ = "0.1.0"
HOMES = {"ImagesMock": "mockserver.mock", "create_app": "mockserver.library", "serve": "mockserver.library"}


def __getattr__(name: str) -> Any:
    """What the package offers is imported when it is asked for: a bare import costs nothing."""
    if name not in HOMES:
        raise AttributeError(f"module 'mockserver' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
