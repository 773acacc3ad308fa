"""`mockserver check`: the verdicts are the server's own, and every line that is said to mend a file mends it."""

import base64
import errno
import io
import json
import os
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image, ImageDraw, ImageOps

from mockserver.cli import main
from mockserver.contract import catalogue
from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.engine.values import Settings
from mockserver.harness.check.verdicts import Verdict, check
from mockserver.harness.conformance import recipes
from mockserver.scenario.loader import load
from mockserver.server.uvicorn_server import serve_in_thread
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.images import encode_image, mask_png, png

Run = Callable[..., tuple[int, str, str]]
LOGO = "turn the logo to green"
# In the words of the operating system.
MISSING, FOLDER = os.strerror(errno.ENOENT), os.strerror(errno.EISDIR)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command, in a folder of its own: exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mockserver", "check", *arguments])
        status: Any = 0
        try:
            main.main()
        except SystemExit as stopped:
            status = stopped.code
        return (status, *capsys.readouterr())

    return call


def picture(mode: str = "RGBA", size: tuple[int, int] = (64, 64), format: str = "PNG", **options: Any) -> bytes:
    """A picture with something on it, so that no two bytes of a mask or markup are alike by chance."""
    base = Image.linear_gradient("L").resize(size).convert("RGB")
    return encode_image(base.convert("I").convert(mode) if mode == "I;16" else base.convert(mode), format, **options)


def animated(format: str) -> bytes:
    frames = [Image.new("RGBA", (64, 64), colour) for colour in ("red", "blue")]
    return encode_image(frames[0], format, save_all=True, append_images=frames[1:])


def mpo() -> bytes:
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("red", "blue")]
    return encode_image(frames[0], "MPO", save_all=True, append_images=frames[1:])


def padded(size: str, weight: int, **more: Any) -> bytes:
    return recipes.make({"png": {"size": size, "bytes": weight, **more}})


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0" + picture("RGB")
BASE64 = base64.b64encode(picture())
URL = b"data:image/png;base64," + BASE64
# The characters that are special to one of the two alphabets, and a picture that has them.
URLSAFE = base64.urlsafe_b64encode(picture("RGB", (80, 80)))
HEAVY, FULL = 4 * 1024**2, 50 * 1024**2


# ---- accepted --------------------------------------------------------------------------------------------------


def test_accepted(run: Run, tmp_path: Path) -> None:
    """Tokens and price are those of the recording of 2026-06-08."""
    (tmp_path / "logo.png").write_bytes(picture("RGBA", (128, 128)))
    options = ("--model", "gpt-image-1", "--prompt", LOGO, "--quality", "medium", "--size", "1024x1024")
    status, out, err = run("logo.png", *options, "--as-of", "2026-06-08")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "logo.png: accepted by gpt-image-1, 221 tokens in, 1056 out, $0.0443",
        "hint: gpt-image-1 will be shut down on 2026-10-23; use gpt-image-2.5-sunburst or gpt-image-2.5-flare instead.",
    ]


def test_every_option_reaches_the_api(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    options = {
        "--model": "gpt-image-1.5",
        "--size": "1024x1536",
        "--quality": "low",
        "--prompt": "x",
        "--n": "2",
        "--background": "opaque",
        "--output-format": "webp",
        "--output-compression": "50",
        "--input-fidelity": "high",
        "--option": "moderation=low",
    }
    status, out, _ = run("a.png", *[text for pair in options.items() for text in pair], "--json")
    (found,) = json.loads(out)
    assert (status, found["accepted"], found["error"], found["mend"]) == (0, True, None, None)
    assert found["usage"]["output_tokens_details"]["image_tokens"] == 2 * 408
    assert found["usage"]["input_tokens_details"]["image_tokens"] == 2 * (194 + 4160)
    params = {"--n": "n", "--size": "size", "--option": "moderation"}
    for option in options.keys() - {"--prompt"}:
        wrong = options | {option: "moderation=?" if option == "--option" else "?"}
        status, out, _ = run("a.png", *[text for pair in wrong.items() for text in pair], "--json")
        assert status == 1
        name = params.get(option, option.removeprefix("--").replace("-", "_"))
        assert json.loads(out)[0]["error"]["param"] == name


def test_no_usage(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    status, out, _ = run("a.png", "--model", "dall-e-2", "--as-of", "2024-01-01")
    assert (status, out.splitlines()[0]) == (0, "a.png: accepted by dall-e-2")


def test_default_model_is_that_of_the_day(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    found = {day: json.loads(run("a.png", "--as-of", day, "--json")[1])[0] for day in ("2024-01-01", "any", "latest")}
    assert [row["model"] for row in found.values()] == ["dall-e-2", "gpt-image-1.5", None]
    assert found["latest"]["error"]["message"] == "Missing required parameter: 'model'."
    assert "The request names no model" in found["any"]["hints"][0]


# ---- refused ---------------------------------------------------------------------------------------------------


def test_many_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(picture())
    (tmp_path / "grey.png").write_bytes(picture("L"))
    (tmp_path / "moving.gif").write_bytes(picture("P", format="GIF"))
    (tmp_path / "cut.png").write_bytes(picture()[:60])
    status, out, _ = run("good.png", "grey.png", "moving.gif", "cut.png", "--model", "gpt-image-2")
    heads, *details = out.split("\n\n")
    assert status == 1
    assert [line.partition(",")[0] for line in heads.splitlines()] == [
        "good.png: accepted by gpt-image-2",
        "grey.png: rejected",
        "moving.gif: rejected",
        "cut.png: rejected",
    ]
    grey, gif, cut = (dict(line.strip().split(maxsplit=1) for line in text.splitlines()[1:]) for text in details)
    assert list(grey) == ["message", "type", "param", "code", "why", "guess", "file", "line"]
    assert (grey["param"], grey["code"], grey["guess"], grey["file"]) == (
        "null",
        "invalid_image_file",
        "images.modes",
        "grey.png",
    )
    assert gif["message"].startswith("Invalid file 'image': unsupported mimetype ('image/gif').")
    assert list(gif) == ["message", "type", "param", "code", "why", "file", "line"]
    assert list(cut) == ["message", "type", "param", "code", "why"]


def test_a_refusal_without_a_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("RGB"))
    out = run("a.png", "--model", "dall-e-2")[1]
    assert out.startswith("a.png: rejected, 400 invalid_request_error\n")


def test_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("P"))
    status, out, _ = run("a.png", "--json", "--as-of", "2025-05-01", "--model", "gpt-image-1")
    (found,) = json.loads(out)
    assert status == 1
    assert found["error"]["message"] == "Invalid image file or mode for image 0, please check the your image file."
    assert list(found["error"]) == ["message", "type", "param", "code"]
    assert {key: found[key] for key in ("files", "accepted", "model", "status", "usage", "price", "guess")} == {
        "files": ["a.png"],
        "accepted": False,
        "model": "gpt-image-1",
        "status": 400,
        "usage": None,
        "price": None,
        "guess": "images.modes",
    }
    assert found["mend"]["file"] == "a.png"


def test_as_of_changes_the_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    texts = [
        json.loads(run("a.png", "--json", "--model", "gpt-image-1", "--as-of", day)[1])[0]["error"]["message"]
        for day in ("2025-05-01", "2025-08-01", "2026-06-01")
    ]
    assert len(set(texts)) == 3
    assert "request ID req_" in texts[2]


def test_together(run: Run, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(picture("RGBA", (128, 128)))
    options = ("--model", "gpt-image-1.5", "--prompt", LOGO, "--quality", "medium", "--size", "1024x1024")
    status, out, _ = run("a.png", "b.png", "--together", "--json", *options)
    (found,) = json.loads(out)
    assert (status, found["files"], found["usage"]["input_tokens"]) == (0, ["a.png", "b.png"], 431)
    (tmp_path / "b.png").write_bytes(picture("L"))
    status, out, _ = run("a.png", "b.png", "--together", "--json", *options)
    (found,) = json.loads(out)
    assert "image 2" in found["error"]["message"]
    assert (status, found["mend"]["file"]) == (1, "b.png")
    (tmp_path / "c").write_bytes(picture())
    (found,) = json.loads(run("a.png", "c", "--together", "--json", *options)[1])
    assert (found["error"]["param"], found["mend"]["file"]) == ("image[1]", "c")
    status, out, _ = run(*["a.png"] * 17, "--together", "--json")
    (found,) = json.loads(out)
    assert (found["error"]["code"], found["guess"]) == ("array_above_max_length", "array-too-long")


def test_mask_and_markup(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "mask.png").write_bytes(mask_png())
    assert run("a.png", "--mask", "mask.png", "--model", "gpt-image-2")[0] == 0
    assert run("a.png", "--markup", "mask.png", "--model", "gpt-image-2.5-flare")[0] == 0
    status, out, _ = run("a.png", "--mask", "mask.png", "--markup", "mask.png", "--model", "gpt-image-2.5-flare")
    assert status == 1
    assert "'markup' parameter cannot be combined" in out
    assert "Unknown parameter: 'markup'" in run("a.png", "--markup", "mask.png", "--model", "gpt-image-2")[1]


@pytest.mark.parametrize("option", ["stream=true", "user=me", "safety_identifier=x=y"])
def test_other_parameters(run: Run, tmp_path: Path, option: str) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    assert run("a.png", "--model", "gpt-image-2", "--option", option)[0] == 0


def test_unknown_parameter(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    status, out, _ = run("a.png", "--model", "gpt-image-2", "--option", "colour=red")
    assert status == 1
    assert "Unknown parameter: 'colour'." in out


@pytest.mark.parametrize("day", ["any", "latest", "2026-06-01"])
def test_the_server_says_the_same(tmp_path: Path, day: str) -> None:
    """To the official client, with the same files, but for the request's id."""
    files = {
        "a.png": picture(),
        "rgb.png": picture("RGB"),
        "photo.jpg": picture("RGB", format="JPEG"),
        "pal.png": picture("P"),
        "cmyk.jpeg": picture("CMYK", format="JPEG"),
        "moving.gif": picture("P", format="GIF"),
        "none": picture(),
        "text.txt": b"no picture",
        "wrong.png": picture("RGB", format="JPEG"),
        "empty.png": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    fields = [("prompt", "x"), ("model", "gpt-image-2"), ("quality", "low")]
    paths = [tmp_path / name for name in files]
    verdicts = check(paths, {}, fields, as_of(day))
    server = MemoryState(Settings(as_of(day), paint="flat"), SessionStore(load("ok")))
    said = {}
    with serve_in_thread(server) as at, openai.OpenAI(base_url=f"{at.url}/v1", api_key="x", max_retries=0) as client:
        for path, verdict in zip(paths, verdicts, strict=True):
            try:
                answer = client.images.edit(image=path, prompt="x", model="gpt-image-2", quality="low")
                assert answer.usage
                assert verdict.usage == answer.usage.to_dict()
            except openai.BadRequestError as error:
                said[path.name] = without_id(error.body)
    assert said == {verdict.files[0].rpartition("/")[2]: without_id(verdict.error) for verdict in verdicts[3:]}
    assert [verdict.accepted for verdict in verdicts] == [True] * 3 + [False] * 7


def without_id(error: object) -> str:
    return re.sub(r"req_\w+", "", json.dumps(error))


# ---- what cannot be asked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.png"], f"cannot read gone.png: {MISSING}"),
        (["."], f"cannot read .: {FOLDER}"),
        (["a.png", "gone.png"], f"cannot read gone.png: {MISSING}"),
        (["a.png", "--mask", "gone.png"], f"cannot read gone.png: {MISSING}"),
        (["go\x1bne"], rf"cannot read 'go\x1bne': {MISSING}"),
        ([], "FILE..."),
        (["a.png", "--colour", "red"], "--colour"),
        (["a.png", "--option", "red"], ": expected NAME=VALUE, got 'red'"),
        (["a.png", "--option", "=red"], ": expected NAME=VALUE, got '=red'"),
        (["a.png", "--as-of", "soon"], "as-of: expected 'any', 'latest' or a date such as 2026-04-21, got 'soon'"),
    ],
)
def test_bad_input(run: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("mockserver: ")
    assert said in err
    assert err.count("\n") == 1


def test_odd_names(run: Run, tmp_path: Path) -> None:
    """They are shown so that no terminal is harmed, and the line that mends them still finds them."""
    for name in ('it\'s "one" {file}.png', "bell\x07.png", "not utf-8 \udcff.png", "日本.png"):
        (tmp_path / name).write_bytes(picture("L"))
        status, out, _ = run(name, "--model", "gpt-image-2")
        (line,) = re.findall(r"^  line +(.*)$", out, re.MULTILINE)
        assert status == 1
        assert out.replace("\n", "").isprintable()
        paste(line)
        assert run(f"{name.removesuffix('.png')}-fixed.png", "--model", "gpt-image-2")[0] == 0


# ---- what mends it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A file to be refused by a family, mended by a line; `role` is what it is in the edit."""

    family: str
    line: str
    name: str
    data: Callable[[], bytes]
    model: str = "gpt-image-2.5-sunburst"
    role: str = "image"
    image: Callable[[], bytes] = picture
    day: str = "any"

    def __str__(self) -> str:
        return f"{self.family}-{self.line}-{self.name}"


def named(name: str, data: bytes, line: str) -> Iterator[Broken]:
    """What is no PNG, JPEG or WebP: under its own name, as a PNG, and for dall-e-2."""
    yield Broken("mimetype", line, name, lambda: data)
    yield Broken("invalid-image-file", line, f"{name}.png", lambda: data)
    yield Broken("dalle2-png-4mb", line, f"{name}.png", lambda: data, "dall-e-2")


def turned() -> bytes:
    """A picture of 32x64 that is stored lying on its side."""
    return recipes.make({"jpeg": {"size": "64x32", "exif_orientation": 6}})


DALLE = "dall-e-2"
BROKEN = [
    *named("a.txt", BASE64, "base64"),
    *named("b.txt", URL, "base64"),
    *named("c.txt", URLSAFE, "base64"),
    *named("a.heic", HEIC, "heic"),
    *named("a.gif", animated("GIF"), "png"),
    *named("a.bmp", picture("RGB", format="BMP"), "png"),
    *named("a.tiff", picture("CMYK", format="TIFF"), "png"),
    *named("a.avif", picture("RGB", format="AVIF"), "png"),
    Broken("image-too-large", "alpha", "m.png", lambda: padded("64x64", HEAVY, mode="RGB"), role="mask"),
    Broken("dalle2-png-4mb", "alpha", "m.png", lambda: padded("64x64", HEAVY, mode="RGB"), DALLE, "mask"),
    Broken("image-too-large", "lighter", "m.png", lambda: padded("64x64", HEAVY, alpha_hole=True), role="mask"),
    Broken("dalle2-png-4mb", "lighter", "m.png", lambda: padded("64x64", HEAVY, alpha_hole=True), DALLE, "mask"),
    Broken("image-too-large", "smaller", "a.png", lambda: padded("3000x64", FULL)),
    Broken("dalle2-png-4mb", "small", "a.png", lambda: padded("1200x1200", HEAVY), DALLE),
    Broken("mimetype", "deep", "a.bin", lambda: picture("I;16"), DALLE),
    Broken("dalle2-png-4mb", "deep", "a.bin", lambda: picture("I;16"), DALLE, day="2024-01-01"),
    Broken("dalle2-mode", "deep", "a.png", lambda: picture("I;16"), DALLE),
    Broken("mimetype", "png", "a.jpg", lambda: picture("RGB", format="JPEG"), DALLE),
    Broken("mimetype", "png", "a.webp", lambda: picture("RGB", format="WEBP"), DALLE),
    Broken("dalle2-png-4mb", "png", "a.png", lambda: picture("RGB", format="JPEG"), DALLE),
    Broken("dalle2-png-4mb", "png", "b.png", lambda: animated("PNG"), DALLE),
    Broken("dalle2-mode", "png", "a.png", lambda: picture("RGB"), DALLE),
    Broken("dalle2-mode", "png", "b.png", lambda: picture("P"), DALLE),
    Broken("dalle2-square", "square", "a.png", lambda: picture("RGBA", (64, 48)), DALLE),
    Broken("mimetype", "named", "a", picture),
    Broken("mimetype", "named", "b.dat", lambda: picture("RGB", format="JPEG")),
    Broken("mimetype", "named", "c.gif", lambda: picture("RGB", format="WEBP")),
    Broken("invalid-image-file", "jpg", "a.jpg", mpo),
    Broken("invalid-image-file", "deep", "a.png", lambda: picture("I;16")),
    Broken("invalid-image-file", "png", "a.png", lambda: animated("PNG")),
    Broken("invalid-image-file", "png", "a.webp", lambda: animated("WEBP")),
    Broken("invalid-image-file", "png", "b.webp", lambda: encode_image(Image.new("RGBA", (64, 64)), "WEBP")),
    Broken("invalid-image-file", "named", "a.png", lambda: picture("RGB", format="JPEG")),
    Broken("invalid-image-file", "named", "a.jpg", picture),
    Broken("invalid-image-file", "jpg", "b.jpg", lambda: picture("CMYK", format="JPEG")),
    Broken("invalid-image-file", "jpg", "c.jpg", lambda: picture("L", format="JPEG")),
    *(Broken("invalid-image-file", "png", f"{m}.png", lambda m=m: picture(m)) for m in ("P", "L", "LA", "1")),
    Broken("mask-size", "alpha", "m.png", lambda: picture("L"), role="mask"),
    Broken("mask-size", "alpha", "n.png", lambda: picture("RGB", (8, 9)), role="mask"),
    Broken("mask-size", "alpha", "o.png", lambda: picture("I;16", (8, 9)), role="mask"),
    Broken("mask-alpha", "alpha", "m.png", lambda: picture("RGB"), role="mask"),
    Broken("mask-alpha", "alpha", "m.jpg", lambda: picture("RGB", (32, 64), "JPEG"), role="mask", image=turned),
    Broken("mask-alpha", "alpha", "n.jpg", lambda: picture("RGB", format="JPEG"), DALLE, "mask"),
    Broken(
        "mask-format", "png", "m.webp", lambda: encode_image(Image.open(io.BytesIO(mask_png())), "WEBP"), role="mask"
    ),
    Broken("mask-size", "fitted", "m.png", lambda: mask_png(32, 32), role="mask"),
    Broken("mask-size", "fitted", "n.png", lambda: mask_png(64, 32), role="mask", image=turned),
    *(
        Broken("mask-size", "fitted", f"m.{f}", lambda f=f: picture("RGB", format=f), role="mask")
        for f in ("gif", "bmp", "tiff", "avif")
    ),
    Broken("markup-size", "fitted", "m.png", lambda: mask_png(32, 32), role="markup"),
    Broken("markup-size", "fitted", "n.png", lambda: mask_png(64, 32), role="markup", image=turned),
    Broken("markup-size", "fitted", "m.gif", lambda: gif_with_a_hole(), role="markup"),
    Broken("markup-alpha", "strokes", "m.png", lambda: drawn_on(picture()), role="markup"),
    Broken("markup-alpha", "strokes", "n.png", lambda: drawn_on(turned()), role="markup", image=turned),
]


def gif_with_a_hole() -> bytes:
    return encode_image(Image.open(io.BytesIO(mask_png())), "GIF")


def drawn_on(data: bytes) -> bytes:
    copy = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    ImageDraw.Draw(copy).line((4, 4, 28, 28), fill="red", width=3)
    return encode_image(copy, "PNG")


def paste(line: str) -> None:
    """Run a line as if it were pasted; the files that Pillow leaves to be closed are not the reader's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        exec(line, {})


@pytest.fixture
def heif(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for pillow-heif, which is not installed: it finds a PNG behind the head of a HEIC file."""
    module: Any = types.ModuleType("pillow_heif")
    module.register_heif_opener = lambda: Image.register_open(
        "HEIF",
        lambda file, name: Image.open(io.BytesIO(file.read()[16:])),
        lambda head: head[4:12] == b"ftypheic",  # type: ignore[arg-type,return-value]
    )
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))


def judge(broken: Broken, image: Path, beside: dict[str, Path]) -> Verdict:
    fields = [("prompt", "x"), ("model", broken.model)]
    (verdict,) = check([image], beside, fields, as_of(broken.day))
    return verdict


@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.usefixtures("heif")
def test_mended(tmp_path: Path, broken: Broken) -> None:
    """Refused; the line is run; what it made is accepted in place of what was refused."""
    file, image = tmp_path / broken.name, tmp_path / "first.png"
    file.write_bytes(broken.data())
    if broken.image is turned:
        image = image.with_suffix(".jpg")
    if broken.role == "image":
        image = file
    else:
        image.write_bytes(broken.image())
    beside = {} if broken.role == "image" else {broken.role: file}
    before = set(tmp_path.iterdir())
    refused = judge(broken, image, beside)
    assert refused.error is not None
    assert refused.error == catalogue_error(broken, refused)
    assert refused.fix is not None
    assert refused.fix.file == str(file)
    assert refused.fix.line.partition("(")[0] == table()["lines"][broken.line].partition("(")[0]
    paste(refused.fix.line)
    (made,) = set(tmp_path.iterdir()) - before
    assert made.stem == f"{file.stem}-fixed"
    again = judge(broken, made if broken.role == "image" else image, dict.fromkeys(beside, made))
    assert again.error is None
    assert again.accepted


def catalogue_error(broken: Broken, refused: Verdict) -> Any:
    """The error as it is, once it is seen to be of the family that was expected."""
    assert refused.error is not None
    row = catalogue.find_row(broken.family, as_of(broken.day), DALLE if broken.model == DALLE else "gpt-image")
    pattern = re.sub(r"\\\{\w+\\\}", ".*", re.escape(row.message or ""))
    assert re.fullmatch(pattern, refused.error["message"]), refused.error
    return refused.error


def table() -> Any:
    return data_files.contract("mends.yaml")


def test_every_mend_is_proved() -> None:
    """Each line, and each family that a row names it for."""
    rows = {(family, row["line"]) for row in table()["mends"] for family in row["families"]}
    assert {(broken.family, broken.line) for broken in BROKEN} == rows
    assert {line for _, line in rows} == set(table()["lines"])
    assert {family for family, _ in rows} <= set(catalogue.families())


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.png", picture()[:100]), ("a.svg", b"<svg/>"), ("a.pdf", b"%PDF-1.7"), ("a.png", b""), ("a.png", b"text")],
)
@pytest.mark.parametrize("model", ["gpt-image-2", DALLE])
def test_nothing_mends_what_is_no_picture(tmp_path: Path, name: str, data: bytes, model: str) -> None:
    (tmp_path / name).write_bytes(data)
    (verdict,) = check([tmp_path / name], {}, [("prompt", "x"), ("model", model)], as_of("any"))
    assert not verdict.accepted
    assert verdict.fix is None


def test_deep_pictures_keep_their_tones(tmp_path: Path) -> None:
    """Converted without more ado, all but the darkest tones of 16 bits become white."""
    deep = Image.new("I;16", (3, 1))
    for place, value in enumerate((0, 32768, 65535)):
        deep.putpixel((place, 0), value)
    deep.save(tmp_path / "a.png")
    (verdict,) = check([tmp_path / "a.png"], {}, [("prompt", "x"), ("model", "gpt-image-2")], as_of("any"))
    assert verdict.fix is not None
    paste(verdict.fix.line)
    with Image.open(tmp_path / "a-fixed.png") as mended:
        tones = [mended.convert("RGB").getpixel((place, 0)) for place in range(3)]
    assert tones == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("red", "blue")]
    exif = Image.Exif()
    exif[0x0112] = 6
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:], exif=exif)
    (verdict,) = check([tmp_path / "a.jpg"], {}, [("prompt", "x"), ("model", "gpt-image-2")], as_of("any"))
    assert verdict.fix is not None
    paste(verdict.fix.line)
    with Image.open(tmp_path / "a-fixed.jpg") as mended:
        assert mended.size == (32, 64)


def test_a_mask_keeps_its_hole(tmp_path: Path) -> None:
    """Too heavy, or black and white: what may change stays what may change."""
    first = tmp_path / "a.png"
    first.write_bytes(png())
    black = Image.new("L", (64, 64), 255)
    black.paste(0, (16, 16, 48, 48))
    for name, data in (
        ("heavy.png", padded("64x64", HEAVY, alpha_hole=True)),
        ("black.png", encode_image(black, "PNG")),
    ):
        (tmp_path / name).write_bytes(data)
        (verdict,) = check(
            [first], {"mask": tmp_path / name}, [("prompt", "x"), ("model", "gpt-image-2")], as_of("any")
        )
        assert verdict.fix is not None
        paste(verdict.fix.line)
        with Image.open(tmp_path / name.replace(".", "-fixed.")) as mended:
            alpha = mended.getchannel("A")
        assert [alpha.getpixel(place) for place in ((0, 0), (32, 32), (63, 63))] == [255, 0, 255]


@pytest.mark.parametrize(
    ("data", "opens"),
    [
        (b"hello", False),
        (b"", False),
        (png()[:60], False),
        (png()[:-12], True),
        (picture("RGB", format="GIF"), True),
        (picture("P"), True),
    ],
    ids=["text", "empty", "cut off", "without its end", "gif", "palette"],
)
def test_advice_can_work(run: Run, tmp_path: Path, data: bytes, opens: bool) -> None:
    """Only for a file that can be opened is a line named that opens it."""
    file = tmp_path / "a.png"
    file.write_bytes(data)
    _, out, _ = run(str(file))
    assert ("Image.open(f)" in out, "Export the image again" in out) == (opens, not opens)
    if opens:
        with Image.open(file) as picture:
            assert picture.convert("RGBA").size
