"""Files on disk as the parts of a form. Knows what they hold; judges nothing."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

import xxhash

from mockserver.core.request import Part
from mockserver.images.inspect import ImageInfo, inspect_image

# Python's own table and no machine's, so that a file gets the same verdict everywhere.
TYPES = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class File:
    """A file, and the part as which it is sent."""

    path: Path
    part: Part

    @property
    def facts(self) -> ImageInfo:
        """What it holds."""
        return inspect_image(self.part)

    @property
    def name(self) -> str:
        """Its path, for a reader's terminal."""
        return shown(self.path)

    def beside(self, suffix: str) -> str:
        """A new name beside it, with another suffix."""
        return str(self.path.with_name(f"{self.path.stem}-fixed{suffix}"))


def read(name: str, path: Path) -> File:
    """A file as the part of that name, declared by its suffix as the official Python client does. Raises ValueError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {shown(path)}: {error.strerror}") from None
    kind = TYPES.guess_type(path.name, strict=False)[0] or "application/octet-stream"
    return File(path, Part(name, path.name, kind, data, xxhash.xxh3_128_hexdigest(data)))


def shown(path: Path) -> str:
    """A path that is fit to print, whatever characters it has."""
    return str(path) if str(path).isprintable() else repr(str(path))
