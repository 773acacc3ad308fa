"""What is at the URLs of this server, for requests that name them. Nothing is downloaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from mockserver.core.uploads import Upload
from mockserver.engine import image_urls
from mockserver.images import sample

FILE = re.compile(r"(?:/__mock/s/[^/]+)?(?:/v1)?/files/([^/]+)/content")
PICTURE = re.compile(r"/__mock/pictures/([0-9a-f]{64})")
STORED = re.compile(r"/private/.*img-(\w+)\.png")


class ImageLookup(Protocol):
    def find(self, sha256: str) -> tuple[bytes, str] | None: ...

    def named(self, start: str) -> tuple[bytes, str] | None: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The URLs that a scenario defines, a session's uploads by id, and the images received and sent."""

    urls: Mapping[str, bytes]
    files: Mapping[str, Upload]
    images: ImageLookup


def find(url: str, *, host: str, stores: Stores, now: float) -> bytes | None:
    if url in stores.urls:
        return stores.urls[url]
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.netloc != host:
        return None
    path = unquote(parts.path)
    if path == "/__mock/sample.png":
        return sample.png()
    if match := FILE.fullmatch(path):
        file = stores.files.get(match[1])
        return file.data if file else None
    if match := PICTURE.fullmatch(path):
        held = stores.images.find(match[1])
        return held and held[0]
    match = STORED.fullmatch(path)
    if match and image_urls.find_url_error(match[1], dict(parse_qsl(parts.query)), now) is None:
        held = stores.images.named(match[1])
        return held and held[0]
    return None
