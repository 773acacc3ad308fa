"""Files on disk as parts of a form."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

import xxhash

from mockserver.core.request import Part
from mockserver.images.inspect import ImageInfo, inspect_image

# Python's own table, without the machine's, so that a file gets the same verdict everywhere.
TYPES = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file, and the part of the form that sends it."""

    path: Path
    part: Part

    @property
    def facts(self) -> ImageInfo:
        return inspect_image(self.part)

    @property
    def name(self) -> str:
        return format_path(self.path)

    def fixed_path(self, suffix: str) -> str:
        return str(self.path.with_name(f"{self.path.stem}-fixed{suffix}"))


def read_file(name: str, path: Path) -> ImageFile:
    """Read a file as the part `name`, with the content type that the official Python client derives from its suffix.

    Raises ValueError.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {format_path(path)}: {error.strerror}") from None
    kind = TYPES.guess_type(path.name, strict=False)[0] or "application/octet-stream"
    return ImageFile(path, Part(name, path.name, kind, data, xxhash.xxh3_128_hexdigest(data)))


def format_path(path: Path) -> str:
    # Control characters in a name must not reach the terminal.
    return str(path) if str(path).isprintable() else repr(str(path))
