"""SVG images: well-formed for any prompt, the right size, and showing what was understood."""

import base64
import io
import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mockserver.images.render import STYLES, Canvas, Subject
from mockserver.images.svg import draw
from tests.support.images import mask_png, png

SVG = "{http://www.w3.org/2000/svg}"
CANVAS = Canvas(1024, 768, "svg")


def subject(prompt: str, images: tuple[bytes, ...] = (), mask: bytes | None = None) -> Subject:
    return Subject(prompt, "gpt-image-2.6-flare", (("quality", "low"),), images, mask, 1, 1, b"seed")


def root(style: str, canvas: Canvas, of: Subject) -> ElementTree.Element:
    return ElementTree.fromstring(draw(style, canvas, of))


@pytest.mark.parametrize(("style", "transparent"), [*itertools.product(STYLES, [True, False])])
def test_size(style: str, transparent: bool) -> None:
    tree = root(style, Canvas(1536, 1024, "svg", transparent=transparent), subject("A cat"))
    assert tree.tag == f"{SVG}svg"
    assert (tree.get("width"), tree.get("height"), tree.get("viewBox")) == ("1536", "1024", "0 0 1536 1024")
    grounds = [rect for rect in tree.iter(f"{SVG}rect") if rect.get("width") == "100%"]
    assert len(grounds) == (0 if transparent or style == "noise" else 1)


@given(st.text())
def test_prompts(prompt: str) -> None:
    """No prompt becomes markup, and every character that XML allows is kept."""
    tree = root("receipt", CANVAS, subject(prompt))
    told = tree.findtext(f"{SVG}desc") or ""
    assert {child.tag.removeprefix(SVG) for child in tree} == {"title", "desc", "rect", "g"}
    if prompt.isprintable():
        assert told == prompt


def test_hostile_prompt() -> None:
    prompt = "</desc><script>alert(1)</script>\0\ufffe\ud800&amp;"
    tree = root("receipt", CANVAS, subject(prompt))
    assert tree.findtext(f"{SVG}desc") == "</desc><script>alert(1)</script>\ufffd\ufffd\ufffd&amp;"
    assert list(tree.iter(f"{SVG}script")) == []


def test_long_prompt() -> None:
    tree = root("receipt", CANVAS, subject("word " * 6000))
    assert sum("word" in (text.text or "") for text in tree.iter(f"{SVG}text")) == 12


def shown(tree: ElementTree.Element) -> list[bytes]:
    sources = [str(image.get("href")) for image in tree.iter(f"{SVG}image")]
    pictures = [base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in sources]
    return [Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in pictures]


def test_uploads_in_order() -> None:
    red, blue = png(mode="RGB", colour=(255, 0, 0)), png(mode="RGB", colour=(0, 0, 255))
    plain = shown(root("receipt", CANVAS, subject("A cat", (red, blue))))
    assert [data[:3] for data in plain] == [b"\xff\0\0", b"\0\0\xff"]
    assert shown(root("receipt", CANVAS, subject("A cat", (blue, red)))) == plain[::-1]
    marked = shown(root("receipt", CANVAS, subject("A cat", (red, blue), mask_png())))
    assert marked[0] != plain[0]
    assert marked[1] == plain[1]


def test_seeds() -> None:
    one, other = subject("A cat"), Subject("A cat", "gpt-image-2.6-flare", (), (), None, 1, 1, b"another")
    assert draw("noise", CANVAS, one) == draw("noise", CANVAS, one) != draw("noise", CANVAS, other)
