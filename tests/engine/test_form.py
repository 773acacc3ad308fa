"""The schema of forms and JSON bodies: names, files, types and values, in the order in which the API checks them."""

from string import Formatter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.contract import sizes
from mockserver.contract.asof import as_of
from mockserver.contract.capabilities import table
from mockserver.contract.catalogue import Problem, families, find_row
from mockserver.contract.endpoints import body_schema, route
from mockserver.contract.form import group_fields
from mockserver.contract.request_schema import coerce, compile_schema
from mockserver.core.request import Part

EVERY = ["dall-e-2", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare"]
CONTEXT_IDS = {"request_id", "organization", "project"}


def text(name: str, value: str | bytes = "x", kind: str | None = None) -> Part:
    return Part(name, None, kind, value if isinstance(value, bytes) else value.encode(), "")


def file(name: str = "image", filename: str = "a.png", kind: str | None = "image/png") -> Part:
    return Part(name, filename, kind, b"bytes", "")


def check(
    *parts: Part, model: str = "gpt-image-1.5", day: str = "any", accept: set[str] | None = None
) -> dict[str, Any]:
    return compile_schema("edit-form", table()[model], as_of(day)).check(group_fields(parts), accept or ())


def edit(model: str = "gpt-image-1.5", day: str = "any", **values: str) -> dict[str, Any]:
    """A form with a prompt, an image and these texts."""
    return check(
        *(text(name, value) for name, value in ({"prompt": "x"} | values).items()), file(), model=model, day=day
    )


def catch_problem(call: Any, *args: Any, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*args, **options)
    # The request provides every fact in the messages of all dates.
    for row in families()[caught.value.family]:
        named = {n for part in (row.message, row.param, row.hint) for _, n, _, _ in Formatter().parse(part or "") if n}
        assert named <= set(caught.value.facts) | CONTEXT_IDS
    return caught.value


def message(problem: Problem) -> str:
    text: str = find_row(problem.family, as_of("any")).error(problem.facts)["message"]
    return text


# ---- the form by name --------------------------------------------------------------------------------------------


def test_parts_are_grouped_by_name() -> None:
    one, two, mask = file("image[]", "1.png"), file("image[]", "2.png"), file("mask")
    parts = [text("prompt", "日本"), one, text("n", "2"), mask, two, text("tags[]", "a"), text("tags[]", "b")]
    fields = group_fields(parts)
    assert fields == {"prompt": "日本", "image": [one, two], "n": "2", "mask": mask, "tags": ["a", "b"]}
    assert list(fields) == ["prompt", "image", "n", "mask", "tags"]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (text("a", b"\xff"), "\ufffd"),
        (text("a", "", "text/plain"), ""),
        (text("a", "x", "application/json"), "x"),
        (text("image[0]"), "x"),
        (text(""), "x"),
        (text("[]"), ["x"]),
        (text("a[][]"), ["x"]),
    ],
)
def test_value_of_one_part(part: Part, value: Any) -> None:
    name = part.name.removesuffix("[]")
    assert group_fields([part]) == {name: value}


def test_empty_filename_is_a_file() -> None:
    part = file("image", "")
    assert group_fields([part]) == {"image": part}


@pytest.mark.parametrize(
    "names",
    [("image", "image"), ("prompt", "prompt"), ("image", "image[]"), ("image[]", "image"), ("a[]", "a[]", "a")],
)
def test_duplicate_name_is_rejected(names: tuple[str, ...]) -> None:
    error = catch_problem(group_fields, [text(name) for name in names])
    assert (error.family, error.facts) == ("duplicate-parameter", {"param": names[0].removesuffix("[]")})


# ---- order: errors.md section J ----------------------------------------------------------------------------------

PROBLEMS = [
    (text("bogus"), "unknown-parameter"),
    (text("prompt", ""), "empty-string"),
    (text("image"), "invalid-type"),
    (text("n", "0"), "below-minimum"),
    (text("quality", "hd"), "not-in-enum"),
    (text("output_compression", "101"), "above-maximum"),
    (text("size", "9"), "size-format"),
]


@pytest.mark.parametrize("first", range(len(PROBLEMS)), ids=[f"{part.name}: {name}" for part, name in PROBLEMS])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_first_problem_does_not_depend_on_the_order_of_parts(first: int, is_reversed: bool) -> None:
    wrong = [part for part, _ in PROBLEMS[first:]]
    names = {part.name for part in wrong}
    valid = [part for part in (text("prompt"), file()) if part.name not in names]
    parts = [*valid, *wrong]
    error = catch_problem(check, *(reversed(parts) if is_reversed else parts), model="gpt-image-2")
    assert (error.family, error.facts["param"]) == (PROBLEMS[first][1], PROBLEMS[first][0].name)


def test_files_are_checked_before_values() -> None:
    parts = [text("prompt"), file(), text("mask"), text("n", "0")]
    assert catch_problem(check, *parts).facts == {"param": "mask", "expected": "a file", "got": "a string"}


@pytest.mark.parametrize("param", ["prompt", "image"])
def test_missing_parameter(param: str) -> None:
    parts = [part for part in (text("prompt"), file()) if part.name != param]
    error = catch_problem(check, *parts)
    assert (error.family, error.facts) == ("missing-parameter", {"param": param})


def test_first_missing_parameter() -> None:
    assert catch_problem(check).facts == {"param": "prompt"}


# ---- values ------------------------------------------------------------------------------------------------------

ENUM = ["low", "medium", "high", "auto"]
MESSAGES = [
    # Recorded messages.
    ({"n": "0"}, "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."),
    ({"n": "11"}, "Invalid 'n': integer above maximum value. Expected a value <= 10, but got 11 instead."),
    (
        {"n": "one"},
        "Invalid type for 'n': expected an integer, "
        "but got a string value that could not be converted into an integer.",
    ),
    ({"quality": "standard"}, "Invalid value: 'standard'. Supported values are: 'low', 'medium', 'high', and 'auto'."),
    ({"output_format": "gif"}, "Invalid value: 'gif'. Supported values are: 'png', 'webp', and 'jpeg'."),
    ({"moderation": "high"}, "Invalid value: 'high'. Supported values are: 'auto' and 'low'."),
    ({"background": "blue"}, "Invalid value: 'blue'. Supported values are: 'transparent', 'opaque', and 'auto'."),
    (
        {"size": "512x512"},
        "Invalid value: '512x512'. Supported values are: '1024x1024', '1024x1536', '1536x1024', and 'auto'.",
    ),
    (
        {"prompt": ""},
        "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead.",
    ),
    (
        {"prompt": "x" * 50733},
        "Invalid 'prompt': string too long. Expected a string with maximum length 32000, "
        "but got a string with length 50733 instead.",
    ),
    (
        {"stream": "yes"},
        "Invalid type for 'stream': expected a boolean, "
        "but got a string value that could not be converted into a boolean.",
    ),
    ({"response_format": "url"}, "Unknown parameter: 'response_format'."),
    ({"images": "x"}, "Unknown parameter: 'images'. For multipart/form-data use 'image' or 'image[]'."),
    ({"image[0]": "x"}, "Unknown parameter: 'image[0]'."),
]


@pytest.mark.parametrize(("values", "expected"), MESSAGES, ids=[str(values)[:40] for values, _ in MESSAGES])
def test_message_of_a_form(values: dict[str, str], expected: str) -> None:
    error = catch_problem(edit, **values)
    assert message(error) == expected
    assert error.facts["param"] == next(iter(values))


@pytest.mark.parametrize("param", ["n", "output_compression", "partial_images"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1 ",
        " 1",
        "+1",
        "1.0",
        "1e0",
        "0x1",
        "1_0",
        "--1",
        "-",
        "١",
        "１",
        "²",
        "Ⅰ",
        "null",
        "true",
        "9" * 4001,
        "[1]",
    ],
)
def test_text_that_is_not_an_integer(param: str, value: str) -> None:
    error = catch_problem(edit, **{param: value})
    assert (error.family, error.facts["value"], error.facts["expected"]) == ("not-convertible", value, "an integer")


@pytest.mark.parametrize(
    ("param", "low", "high"), [("n", 1, 10), ("output_compression", 0, 100), ("partial_images", 0, 3)]
)
def test_integer_limits(param: str, low: int, high: int) -> None:
    for value in (low, high):
        assert edit(**{param: str(value)})[param] == value
    assert edit(**{param: f"00{high}"})[param] == high
    for value, family, bound in [
        (low - 1, "below-minimum", "minimum"),
        (-(10**29), "below-minimum", "minimum"),
        (high + 1, "above-maximum", "maximum"),
        (10**29, "above-maximum", "maximum"),
    ]:
        error = catch_problem(edit, **{param: str(value)})
        assert (error.family, error.facts["value"]) == (family, value)
        assert error.facts[bound] == {"minimum": low, "maximum": high}[bound]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(st.characters(categories=["Nd", "No", "Nl", "P", "Z"]) | st.sampled_from("0123456789-"), max_size=4))
def test_only_ascii_digits_are_an_integer(value: str) -> None:
    is_integer = value.removeprefix("-").isdecimal() and value.isascii()
    assert coerce(value, {"type": "integer"}) == (int(value) if is_integer else value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("true", True),
        ("false", False),
        ("True", None),
        ("FALSE", None),
        ("1", None),
        ("0", None),
        ("", None),
        ("no", None),
    ],
)
def test_boolean(value: str, expected: bool | None) -> None:
    if expected is None:
        assert catch_problem(edit, stream=value).family == "not-convertible"
    else:
        assert edit(stream=value)["stream"] is expected


@pytest.mark.parametrize("value", ["true", "1", "null", ""])
def test_text_stays_a_text(value: str) -> None:
    assert edit(user=value)["user"] == value


@pytest.mark.parametrize(
    ("param", "got", "part"),
    [
        ("prompt", "a file", file("prompt")),
        ("prompt", "an array", text("prompt[]")),
        ("n", "a file", file("n")),
        ("n", "an array", text("n[]", "1")),
        ("stream", "an array", text("stream[]", "true")),
        ("user", "a file", file("user", "")),
        ("size", "an array", text("size[]", "auto")),
    ],
)
def test_file_or_array_in_place_of_a_value(param: str, got: str, part: Part) -> None:
    expected = {"n": "an integer", "stream": "a boolean", "size": f"one of {', '.join(SIZES)}"}.get(param, "a string")
    parts = [part, file(), *([text("prompt")] if param != "prompt" else [])]
    error = catch_problem(check, *parts)
    assert (error.family, error.facts["got"], error.facts["expected"]) == ("invalid-type", got, expected)


SIZES = ["'1024x1024'", "'1024x1536'", "'1536x1024'", "or 'auto'"]


@pytest.mark.parametrize(
    ("model", "values", "family"),
    [
        ("dall-e-2", {"quality": "standard"}, "unknown-parameter"),
        ("dall-e-2", {"prompt": "x" * 1001}, "string-too-long"),
        ("dall-e-2", {"size": "1024x1536"}, "not-in-enum"),
        ("dall-e-2", {"response_format": "png"}, "not-in-enum"),
        ("gpt-image-1-mini", {"input_fidelity": "low"}, "unknown-parameter"),
        ("gpt-image-1", {"quality": "xhigh"}, "not-in-enum"),
        ("gpt-image-2", {"quality": "max"}, "not-in-enum"),
        ("gpt-image-2", {"complexity": "low"}, "unknown-parameter"),
        ("gpt-image-2.6-flare", {"complexity": "max"}, "not-in-enum"),
    ],
)
def test_value_that_a_model_rejects(model: str, values: dict[str, str], family: str) -> None:
    assert catch_problem(edit, model, **values).family == family


@pytest.mark.parametrize("model", EVERY)
def test_model_accepts_its_defaults(model: str) -> None:
    typed = edit(model)
    assert list(typed) == ["prompt", "image"]
    schema = compile_schema("edit-form", table()[model], as_of("any"))
    assert schema is compile_schema("edit-form", table()[model], as_of("any"))
    assert schema.defaults["n"] == 1
    for name, value in schema.defaults.items():
        assert edit(model, **{name: str(value).lower()})[name] == value


@pytest.mark.parametrize(
    ("param", "value", "first", "model"),
    [
        ("stream", "true", "2025-07-15", "gpt-image-1"),
        ("input_fidelity", "high", "2025-07-15", "gpt-image-1"),
        ("partial_images", "1", "2025-07-15", "gpt-image-1"),
        ("safety_identifier", "me", "2026-10-16", "gpt-image-1.5"),
        ("complexity", "low", "2026-11-05", "gpt-image-2.6-sunburst"),
    ],
)
def test_parameter_since_a_date(param: str, value: str, first: str, model: str) -> None:
    assert param in edit(model, first, **{param: value})
    before = str(as_of(first).day.replace(day=as_of(first).day.day - 1))
    assert catch_problem(edit, model, before, **{param: value}).family == "unknown-parameter"


# ---- files -------------------------------------------------------------------------------------------------------


def check_images(*parts: Part, model: str = "gpt-image-1.5", **more: Any) -> dict[str, Any]:
    return check(text("prompt"), *parts, model=model, **more)


def test_image_and_mask() -> None:
    one, two, mask = file("image[]", "1.png"), file("image[]", "2.png"), file("mask")
    assert check_images(one, two, mask) == {"prompt": "x", "image": [one, two], "mask": [mask]}
    assert check_images(file()) == {"prompt": "x", "image": [file()]}
    assert check_images(one)["image"] == [one]


@pytest.mark.parametrize(
    ("model", "part", "param", "expected"),
    [
        ("gpt-image-1.5", text("image"), "image", "expected one of an array of files or file, but got a string"),
        ("gpt-image-1.5", text("image[]"), "image[0]", "expected a file, but got a string"),
        ("gpt-image-1.5", file("mask[]"), "mask", "expected a file, but got an array"),
        ("gpt-image-1.5", text("mask"), "mask", "expected a file, but got a string"),
        ("dall-e-2", file("image[]"), "image", "expected a file, but got an array"),
        ("dall-e-2", text("image"), "image", "expected a file, but got a string"),
    ],
)
def test_text_or_array_in_place_of_a_file(model: str, part: Part, param: str, expected: str) -> None:
    picture = [] if part.name.startswith("image") else [file()]
    error = catch_problem(check_images, *picture, part, model=model)
    assert (error.family, error.facts["param"]) == ("invalid-type", param)
    assert message(error) == f"Invalid type for '{param}': {expected} instead."


def test_text_among_files() -> None:
    assert catch_problem(check_images, file("image[]"), text("image[]")).facts["param"] == "image[1]"


def test_too_many_images() -> None:
    many = [file("image[]") for _ in range(17)]
    error = catch_problem(check_images, *many)
    assert (error.family, error.facts) == ("array-too-long", {"param": "image", "maximum": 16, "length": 17})
    assert len(check_images(*many[:16])["image"]) == 16
    assert len(check_images(*many, accept={"array-too-long"})["image"]) == 17


@pytest.mark.parametrize(
    ("kind", "filename"),
    [
        ("image/png", ""),
        ("IMAGE/PNG; charset=binary", "a.txt"),
        (" image/webp ", "a.png"),
        ("image/jpeg", "a.png"),
        (None, "a.png"),
        (None, "A.JPG"),
        (None, "b.c.jpeg"),
        (None, ".webp"),
        ("", "a.png"),
        (";x", "a.png"),
    ],
)
def test_declared_type_or_else_the_name_counts(kind: str | None, filename: str) -> None:
    part = file("image", filename, kind)
    assert check_images(part)["image"] == [part]


@pytest.mark.parametrize(
    ("kind", "filename", "named"),
    [
        ("application/octet-stream", "a.png", "application/octet-stream"),
        ("Audio/WAV", "a.png", "audio/wav"),
        ("image/svg+xml", "a.png", "image/svg+xml"),
        ("png", "a.png", "png"),
        (None, "a.gif", "image/gif"),
    ],
)
@pytest.mark.parametrize(("name", "param"), [("image", "image"), ("image[]", "image[0]")])
def test_unsupported_mimetype(kind: str | None, filename: str, named: str, name: str, param: str) -> None:
    error = catch_problem(check_images, file(name, filename, kind))
    assert error.family == "mimetype"
    assert message(error) == (
        f"Invalid file '{param}': unsupported mimetype ('{named}'). "
        "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
    )


def test_unsupported_mimetype_of_the_second_image() -> None:
    error = catch_problem(check_images, file("image[]"), file("image[]", "b", "text/plain"))
    assert error.facts["param"] == "image[1]"


def test_unsupported_mimetype_for_dall_e_2() -> None:
    error = catch_problem(check_images, file("image", "a.jpg", "image/jpeg"), model="dall-e-2")
    assert message(error).endswith("unsupported mimetype ('image/jpeg'). Supported file formats are 'image/png'.")


@pytest.mark.parametrize("filename", ["", "a", "a.", "a.txt", "a.png.exe", "png"])
def test_missing_mimetype(filename: str) -> None:
    error = catch_problem(check_images, file("image", filename, None))
    assert (error.family, error.facts) == ("missing-mimetype", {"param": "image"})


@pytest.mark.parametrize("kind", [None, "text/plain", "image/gif"])
def test_mask_type_does_not_matter(kind: str | None) -> None:
    assert check_images(file(), file("mask", "", kind))["mask"] == [file("mask", "", kind)]


# ---- sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "family"),
    [
        ("bogus", "size-format"),
        ("", "size-format"),
        ("1024", "size-format"),
        ("1024X1024", "size-format"),
        ("1024×1024", "size-format"),
        ("1024x1024 ", "size-format"),
        ("1024x1024\n", "size-format"),
        ("01024x1024", "size-format"),
        ("-16x1024", "size-format"),
        ("0x0", "size-format"),
        ("１０２４x1024", "size-format"),
        ("1024x1024x1024", "size-format"),
        ("9999999x1024", "size-format"),
        ("AUTO", "size-format"),
        ("1000x1000", "size-divisible"),
        ("1024x1000", "size-divisible"),
        ("1x1", "size-divisible"),
        ("1254x1254", "size-divisible"),
        ("4096x1024", "size-edge"),
        ("1024x3856", "size-edge"),
        ("800x800", "size-min"),
        ("3008x3008", "size-max"),
        ("3840x2176", "size-max"),
        ("3072x768", "size-ratio"),
        ("768x2320", "size-ratio"),
    ],
)
def test_size_is_rejected(size: str, family: str) -> None:
    error = catch_problem(edit, "gpt-image-2", size=size)
    assert (error.family, error.facts) == (
        family,
        {"param": "size", "value": size} | ({"sheet": ""} if family != "size-format" else {}),
    )


def test_accepted_guess_about_sizes_is_not_enforced() -> None:
    rule = table()["gpt-image-2"].row["size_rule"]
    sizes.check("3072x768", rule, {"size-ratio"})
    assert catch_problem(sizes.check, "4096x1024", rule, {"size-ratio"}).family == "size-edge"


@pytest.mark.parametrize(
    "size", ["auto", "1024x1024", "816x816", "1536x864", "3840x2160", "2160x3840", "2880x2880", "768x2304", "2304x768"]
)
def test_size_is_accepted(size: str) -> None:
    assert edit("gpt-image-2", size=size)["size"] == size


@pytest.mark.parametrize(
    ("model", "of", "size"),
    [
        ("gpt-image-1", (5, 5), "1024x1024"),
        ("gpt-image-1", (10, 30), "1024x1536"),
        ("gpt-image-1", (6000, 1), "1536x1024"),
        ("gpt-image-2", (1024, 1024), "1254x1254"),
        ("gpt-image-2", (20, 10), "1774x887"),
    ],
)
def test_auto_size(model: str, of: tuple[int, int], size: str) -> None:
    assert sizes.resolve_auto(table()[model].row["auto"]["size"], of) == size


# ---- JSON bodies -------------------------------------------------------------------------------------------------

URL = {"image_url": "data:image/png;base64,AA=="}


def document(model: str = "gpt-image-2", name: str = "edit-json", **values: Any) -> dict[str, Any]:
    fields = {"prompt": "x"} | ({"images": [URL]} if name == "edit-json" else {}) | values
    return compile_schema(name, table()[model], as_of("any")).check(fields)


@pytest.mark.parametrize(
    ("values", "expected", "param"),
    [
        (
            {"image": "x"},
            "Unknown parameter: 'image'. For application/json on /v1/images/edits, use 'images' (array).",
            None,
        ),
        (
            {"image[]": "x"},
            "Unknown parameter: 'image'. For application/json on /v1/images/edits, use 'images' (array).",
            None,
        ),
        (
            {"images": URL},
            "Invalid type for 'images': expected an array of objects, but got an object instead.",
            "images",
        ),
        ({"images": ["x"]}, "Invalid type for 'images[0]': expected an object, but got a string instead.", "images[0]"),
        (
            {"images": []},
            "Invalid 'images': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "images",
        ),
        (
            {"images": [URL] * 17},
            "Invalid 'images': array too long. Expected an array with maximum length 16, "
            "but got an array with length 17 instead.",
            "images",
        ),
        ({"images": [URL | {"type": "x"}]}, "Unknown parameter: 'images[0].type'.", "images[0].type"),
        ({"images": [URL, {}]}, "Missing required parameter: 'images[1].image_url'.", "images[1].image_url"),
        ({"images": [URL | {"file_id": "x"}]}, "Unknown parameter: 'images[0].file_id'.", "images[0].file_id"),
        (
            {"images": [{"image_url": 5}]},
            "Invalid type for 'images[0].image_url': expected a string, but got an integer instead.",
            "images[0].image_url",
        ),
        ({"images": None}, "Invalid type for 'images': expected an array of objects, but got null instead.", "images"),
        ({"prompt": None}, "Invalid type for 'prompt': expected a string, but got null instead.", "prompt"),
        ({"n": "2"}, "Invalid type for 'n': expected an integer, but got a string instead.", "n"),
        ({"n": 1.5}, "Invalid type for 'n': expected an integer, but got a decimal number instead.", "n"),
        ({"n": True}, "Invalid type for 'n': expected an integer, but got a boolean instead.", "n"),
        ({"n": 11.0}, "Invalid 'n': integer above maximum value. Expected a value <= 10, but got 11.0 instead.", "n"),
        (
            {"quality": 5},
            "Invalid type for 'quality': expected one of 'low', 'medium', 'high', or 'auto', "
            "but got an integer instead.",
            "quality",
        ),
        ({"stream": "true"}, "Invalid type for 'stream': expected a boolean, but got a string instead.", "stream"),
        ({"size": 1024}, "Invalid type for 'size': expected a string, but got an integer instead.", "size"),
        ({"mask": "x"}, "Invalid type for 'mask': expected an object, but got a string instead.", "mask"),
        ({"response_format": None}, "Unknown parameter: 'response_format'.", "response_format"),
    ],
)
def test_message_of_a_json_body(values: dict[str, Any], expected: str, param: str | None) -> None:
    error = catch_problem(document, **values)
    assert message(error) == expected
    assert param is None or error.facts["param"] == param


def test_null_is_ignored() -> None:
    names = ["n", "quality", "size", "stream", "partial_images", "output_compression", "mask", "user"]
    assert document(**dict.fromkeys(names)) == {"prompt": "x", "images": [URL]}


@pytest.mark.parametrize("param", ["n", "partial_images", "output_compression"])
def test_integral_float_becomes_an_integer(param: str) -> None:
    value = document(**{param: 1.0})[param]
    assert (value, type(value)) == (1, int)


@pytest.mark.parametrize("user", ["me", 5, 1.5, ["x"], {"a": 1}])
def test_user_may_have_any_type(user: Any) -> None:
    assert document(user=user)["user"] == user


def test_schema_of_generations() -> None:
    assert document(name="generation", n=2, size="1024x1024") == {"prompt": "x", "n": 2, "size": "1024x1024"}
    assert document("dall-e-3", "generation", style="vivid", quality="hd")["quality"] == "hd"
    error = catch_problem(document, name="generation", image="x")
    assert (error.family, error.facts) == ("unknown-parameter", {"param": "image"})


# ---- endpoints ---------------------------------------------------------------------------------------------------


def test_route() -> None:
    edits = route("/v1/images/edits", as_of("any"))
    assert edits
    assert (edits.endpoint, edits.methods) == ("images/edits", ("POST",))
    assert route("/v1/images/edits/", as_of("any")) is None


@pytest.mark.parametrize(
    ("endpoint", "kind", "day", "group", "schema"),
    [
        ("images/edits", "multipart/form-data", "any", "gpt-image", "edit-form"),
        ("images/edits", "multipart/form-data", "2022-12-01", "dall-e-2", "edit-form"),
        ("images/edits", "application/json", "any", "gpt-image", "edit-json"),
        ("images/edits", "application/json", "2026-02-09", "gpt-image", "edit-json"),
        ("images/generations", "application/json", "2022-12-01", "dall-e-2", "generation"),
    ],
)
def test_schema_of_a_body(endpoint: str, kind: str, day: str, group: str, schema: str) -> None:
    assert body_schema(endpoint, kind, as_of(day), group) == schema


@pytest.mark.parametrize(
    ("endpoint", "kind", "day", "group", "accepted"),
    [
        ("images/edits", "application/json", "2026-02-08", "gpt-image", "'multipart/form-data'"),
        ("images/edits", "application/json", "any", "dall-e-2", "'multipart/form-data'"),
        ("images/edits", "text/plain", "any", "gpt-image", "'multipart/form-data' or 'application/json'"),
        ("images/edits", "", "any", "gpt-image", "'multipart/form-data' or 'application/json'"),
        ("images/generations", "multipart/form-data", "any", "gpt-image", "'application/json'"),
    ],
)
def test_unsupported_content_type(endpoint: str, kind: str, day: str, group: str, accepted: str) -> None:
    error = catch_problem(body_schema, endpoint, kind, as_of(day), group)
    assert (error.family, error.facts) == ("content-type", {"content_type": kind, "accepted": accepted})
