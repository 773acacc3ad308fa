"""The OpenAI Images API, offline: the server, its pytest fixtures and its contract."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.testing.images_mock import ImagesMock as ImagesMock
    from mockserver.testing.serve import create_app as create_app
    from mockserver.testing.serve import serve as serve

__all__ = ["ImagesMock", "__version__", "create_app", "serve"]

__version__ = "0.1.0"
HOMES = {
    "ImagesMock": "mockserver.testing.images_mock",
    "create_app": "mockserver.testing.serve",
    "serve": "mockserver.testing.serve",
}


def __getattr__(name: str) -> Any:
    """What the package offers is imported when it is asked for: a bare import costs nothing."""
    if name not in HOMES:
        raise AttributeError(f"module 'mockserver' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(HOMES[name]), name)
