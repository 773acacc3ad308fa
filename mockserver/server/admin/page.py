"""The page at `/__mock/`, and the policy that lets only its own script run."""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping

from mockserver.core import data_files


def text() -> str:
    return data_files.page()


@functools.cache
def headers() -> Mapping[str, str]:
    policy = (
        "default-src 'none'",
        f"script-src {_digest('script')}",
        f"style-src {_digest('style')}",
        "img-src blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }


def _digest(tag: str) -> str:
    (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text(), re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
