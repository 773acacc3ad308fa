"""What stands at URLs of this server's own, for requests that name them. Looks into its stores and fetches nothing."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from mockserver.files import File
from mockserver.images import sample
from mockserver.journal import Pictures
from mockserver.render import links

FILE = re.compile(r"(?:/__mock/s/[^/]+)?(?:/v1)?/files/([^/]+)/content")
PICTURE = re.compile(r"/__mock/pictures/([0-9a-f]{64})")
STORED = re.compile(r"/private/.*img-(\w+)\.png")


def find(url: str, *, host: str, files: Mapping[str, File], pictures: Pictures, now: float) -> bytes | None:
    """The bytes at a URL of this server: an uploaded file, a picture received or sent, the sample; else None."""
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
        file = files.get(match[1])
        return file.data if file else None
    if match := PICTURE.fullmatch(path):
        held = pictures.find(match[1])
        return held and held[0]
    match = STORED.fullmatch(path)
    if match and links.fault(match[1], dict(parse_qsl(parts.query)), now) is None:
        held = pictures.named(match[1])
        return held and held[0]
    return None
