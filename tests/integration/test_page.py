"""The page at /__mock/, in a browser: what it shows, what it does, and that nothing runs that a client sent."""

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mockserver.engine.values import Settings
from mockserver.journal.store import Pictures
from mockserver.limits import Limits
from mockserver.scenario.loader import load
from mockserver.server.admin import page as served
from mockserver.server.uvicorn_server import BackgroundServer, serve_in_thread
from mockserver.state.clock import Clock
from mockserver.state.memory import MemoryState
from mockserver.state.sessions import SessionStore
from tests.support.browser import CHROMIUM, DRIVER, Page, chromium
from tests.support.client import START, MockClient
from tests.support.images import mask_png, png

browsing = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and "CI" not in os.environ, reason="needs chromium and chromedriver, as Debian packs them"
)
EVIL = "</script><script>document.title='ran'</script><img src=x onerror=document.title='ran'>"
BLUE = png(colour=(20, 60, 200, 255))


class Watch:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def server(scenario: str = "ok", **changed: Any) -> MemoryState:
    watch = Watch()
    settings = Settings(paint="flat", latency=changed.pop("latency", 0))
    known = {"clock": Clock(lambda: START, watch), "sleep": watch.sleep} | changed
    return MemoryState(settings, SessionStore(load(scenario)), **known)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def show(browser: webdriver.Chrome) -> Iterator[Callable[..., tuple[Page, BackgroundServer]]]:
    """Starts a server and opens its page. Nothing may have been said on the console but what `heard` holds."""
    with contextlib.ExitStack() as stack:
        pages: list[Page] = []

        def start(
            made: MemoryState | None = None, path: str = "/__mock/", **where: Any
        ) -> tuple[Page, BackgroundServer]:
            started = stack.enter_context(serve_in_thread(made or server(), **where))
            pages.append(Page(browser, started.url))
            return pages[-1].open(path), started

        yield start
        browser.get("about:blank")
        (said,) = [page.console() for page in pages]
        assert [line for line in said if not any(word in line for word in pages[0].heard)] == []


def edit(
    started: BackgroundServer, session: str = "me", fields: dict[str, Any] | None = None, files: Any = None
) -> int:
    """Make an edit; returns its status."""
    data = {"model": "gpt-image-2", "prompt": "Make it night"} | (fields or {})
    url = f"{started.url}/__mock/s/{session}/v1/images/edits"
    sent = files or {"image": ("house.png", BLUE, "image/png")}
    return httpx2.post(url, data=data, files=sent, headers={"authorization": "Bearer sk-test"}, timeout=60).status_code


@browsing
def test_call_appears(show: Any) -> None:
    page, started = show()
    page.says("#empty", f"{started.url}/v1")
    assert edit(started) == 200
    page.says("#e000001 summary", "Make it night")
    summary = page("#e000001 summary").text
    assert all(word in summary for word in ("200", "e000001", "gpt-image-2", "ok, step 1", "$0.0"))
    page.says("#news", "e000001: 200 served")
    assert page("#news").get_attribute("aria-live") == "polite"
    assert not page("#empty").is_displayed()
    assert edit(started, fields={"size": "99x99"}) == 400
    page.says("#news", "e000002: 400 refused")
    page.until(lambda: page.shown() == ["e000002", "e000001"])
    page.says("#refused", "1")
    assert [page(f"#{name}").text for name in ("requests", "wasted", "verdict")] == ["2", "$0", "good"]
    assert page("#cost").text.startswith("$0.0")
    call = page.call(2)
    assert "A side of '99x99' is not a multiple of 16." in call.text
    assert "Not kept: only pictures of calls that were understood are." in call.text
    assert "400, refused, invalid_value, param size" in call.text


@browsing
def test_pictures(show: Any) -> None:
    page, started = show()
    edit(started, files=[("image[]", (f"{n}.png", BLUE, "image/png")) for n in range(2)])
    call = page.call(1)
    page.until(lambda: len(call.find_elements(By.CSS_SELECTOR, "figure img")) == 3)
    titles = [one.text.splitlines()[0] for one in call.find_elements(By.TAG_NAME, "figcaption")]
    assert titles == ["Image 1", "Image 2", "Picture 1 of 1"]
    assert "1.png" in call.text
    assert "image/png, 64×64" in call.text
    wide = "return arguments[0].complete && arguments[0].naturalWidth"
    assert page.until(lambda: page.js(wide, call.find_element(By.TAG_NAME, "img"))) == 64


@browsing
def test_turn(show: Any) -> None:
    """Step, retry, row, finding and usage stand where they belong."""
    page, started = show(server("flaky"))
    statuses = [edit(started) for _ in range(5)]
    assert statuses == [429, 429, 500, 200, 429]
    call = page.call(2)
    page.says("#e000002 .facts", "flaky, step 1")
    assert "Repeats\ne000001, attempt 2, 0 s after its answer" in call.text
    assert "rate-input-images" in call.text
    page.says("#e000002 .note.warning, #e000002 .note.error", "429")
    page.panel("judging")
    page("#findings .link").click()
    assert page.js("return document.activeElement.parentElement.open") is True
    page.choose("#outcome", "refused")
    page.js("[...document.querySelectorAll('#findings .link')].find((one) => one.textContent === 'e000002').click()")
    assert page.js("return document.activeElement.parentElement.id") == "e000002"


@browsing
def test_hostile(show: Any) -> None:
    """What a client says is text, wherever it stands."""
    page, started = show()
    for size in ("1024x1024", EVIL):
        files = {"image": (f"{EVIL}.png", BLUE, "image/png")}
        edit(started, "a&<b>", {"prompt": EVIL, "user": EVIL, "size": size}, files)
    edit(started, fields={"model": EVIL, EVIL: EVIL})
    for number in (1, 2, 3):
        page.call(number)
        page.js("for (const one of document.querySelectorAll(arguments[0])) one.open = true", ".inside details")
        page.says(f"#e{number:06d}", EVIL)
    page.until(lambda: page("#e000001 .what").text == EVIL)
    page.until(lambda: EVIL in page("#e000001 figcaption").text)
    page.choose("#session", "a&<b>")
    page.until(lambda: page.shown() == ["e000002", "e000001"])
    page("#words").send_keys(EVIL[:9])
    assert page.browser.title == "mockserver"
    counted = "return [document.scripts.length, document.querySelectorAll('[src=x], [onerror]').length]"
    assert page.js(counted) == [1, 0]


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">
<script>document.documentElement.setAttribute("data-ran", "yes")</script>
<rect width="10" height="10" fill="red"/></svg>"""


@browsing
def test_scripted_picture(show: Any) -> None:
    """A picture that holds a script is a picture: opened by itself, and in the page."""
    page, started = show()
    started.server.journal.pictures.put("evil", SVG, "image/svg+xml")
    page.heard = ["Blocked script execution", "Content Security Policy"]
    page.open(f"/__mock/pictures/{hashlib.sha256(SVG).hexdigest()}")
    assert page.js("return document.querySelector('rect').getAttribute('fill')") == "red"
    assert page.js("return document.documentElement.getAttribute('data-ran')") is None


@browsing
def test_svg_answer(show: Any) -> None:
    page, started = show()
    asked = {"model": "gpt-image-2.6-flare", "prompt": "A ship", "output_format": "svg", "svg": {"model": "gpt-5.6"}}
    url = f"{started.url}/v1/images/generations"
    answer = httpx2.post(url, json=asked, headers={"authorization": "Bearer x"}, timeout=60)
    assert answer.status_code == 200, answer.text
    call = page.call(1)
    shown = page.until(lambda: call.find_element(By.CSS_SELECTOR, "figure img"))
    assert page.until(lambda: page.js("return arguments[0].naturalWidth", shown)) > 0
    assert page.js("return document.querySelectorAll('svg, iframe, object, embed').length") == 0


def tint(page: Page, x: int, y: int) -> Any:
    """The colour of the overlay in one place: red, green, blue, opacity."""
    script = "return [...document.querySelector('canvas.mask').getContext('2d').getImageData(...arguments, 1, 1).data]"
    return page.js(script, x, y)


@browsing
def test_mask(show: Any) -> None:
    page, started = show()
    edit(started, files={"image": ("a.png", BLUE, "image/png"), "mask": ("m.png", mask_png(), "image/png")})
    call = page.call(1)
    page("canvas.mask")
    page.heard = ["willReadFrequently"]
    assert tint(page, 2, 2)[3] == 0
    assert tint(page, 32, 32) == [255, 0, 128, 140]
    boxes = "const of = (css) => document.querySelector(css).getBoundingClientRect().toJSON();"
    laid = page.js(boxes + "return [of('canvas.mask'), of('figure img')]")
    assert laid[0] == laid[1]
    assert [one.text.splitlines()[0] for one in call.find_elements(By.TAG_NAME, "figcaption")][:2] == [
        "Image 1",
        "Mask",
    ]
    page("figcaption input").click()
    assert not page("canvas.mask").is_displayed()


@browsing
def test_timeline(show: Any) -> None:
    """Each event of a stream, when it left and how large it was."""
    page, started = show(server(latency=3))
    assert edit(started, fields={"stream": "true", "partial_images": "2"}) == 200
    call = page.call(1)
    lines = [one.text.split("\n") for one in call.find_elements(By.CSS_SELECTOR, ".line li")]
    partial = "image_edit.partial_image"
    told = [(line[0], line[1]) for line in lines]
    assert told == [
        ("0 ms", "head"),
        ("1.00 s", partial),
        ("2.00 s", partial),
        ("3.00 s", "image_edit.completed"),
        ("3.00 s", "end"),
    ]
    assert lines[1][2].endswith("B")
    bars = [one.get_attribute("style") for one in call.find_elements(By.CSS_SELECTOR, ".track i")]
    assert "left: min(33.3333%" in (bars[2] or "")
    titles = [one.text.splitlines()[0] for one in call.find_elements(By.TAG_NAME, "figcaption")]
    assert titles == ["Image 1", "Partial 1", "Partial 2", "Completed"]


@browsing
def test_under_way(show: Any) -> None:
    """A call that has not ended says so, and what is new of it comes by itself."""
    go = threading.Event()

    async def sleep(seconds: float) -> None:
        await asyncio.to_thread(go.wait, 60)

    page, started = show(server(latency=3, sleep=sleep))
    thread = threading.Thread(target=edit, args=(started,), kwargs={"fields": {"stream": "true"}})
    thread.start()
    page.says("#e000001 summary", "under way")
    page.call(1)
    edit(started, fields={"size": "99x99"})
    page.says("#e000002 summary", "0 ms")
    go.set()
    thread.join()
    page.says("#e000001 .line", "image_edit.completed")
    page.until(lambda: "under way" not in page("#e000001 summary").text)


@browsing
def test_filter(show: Any) -> None:
    page, started = show()
    for number, fields in enumerate(({"prompt": "A red barn"}, {"size": "99x99"}, {"prompt": "A blue barn"}), 1):
        edit(started, f"s{number}", fields)
    page.says("#e000003", "A blue barn")
    page.type("#words", "BARN red")
    page.until(lambda: (page.shown(), page("#count").text) == (["e000001"], "1 of 3"))
    page.type("#words", "nothing like it")
    page.until(lambda: page.shown() == [])
    page.type("#words", "invalid_value")
    page.until(lambda: page.shown() == ["e000002"])
    page("#words").send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    page.choose("#outcome", "served")
    page.until(lambda: page.shown() == ["e000003", "e000001"])
    page.choose("#session", "s3")
    page.until(lambda: page.shown() == ["e000003"])
    page.says("#requests", "1")
    page.choose("#outcome", "")
    page.choose("#session", "")
    edit(started, "s1", {"prompt": "A fourth"})
    page.says("#e000004", "A fourth")
    page.says("#count", "4")


@browsing
def test_scenario(show: Any) -> None:
    page, started = show()
    page.says("#scenario", "ok")
    page.panel("playing")
    page.choose("#builtin", "flaky")
    page.says("#describes", "Two rate limits, a server error, then success")
    page("#play .main").click()
    page.says("#played", "Playing flaky for all sessions.")
    page.says("#scenario", "flaky")
    assert started.server.sessions.scenario.name == "flaky"
    page("#play summary").click()
    page.type("#yaml", "scenario: mine\nsteps: []")
    page("#play .main").click()
    page.heard = ["400 (Bad Request)"]
    page.says("#played .bad", "scenario:2: steps")
    assert started.server.sessions.scenario.name == "flaky"
    edit(started, "me")
    page.says("#e000001", "429")
    page.choose("#session", "me")
    page.type("#yaml", "scenario: mine\nsteps: [{error: server-error}]")
    page("#play .main").click()
    page.says("#played", "Playing mine for session me.")
    assert (started.server.sessions.scenario_of("me").name, started.server.sessions.scenario.name) == ("mine", "flaky")
    page.choose("#session", "")
    page.says("#scenario", "flaky")


@browsing
def test_try(show: Any, tmp_path: Path) -> None:
    """The form makes an edit with what is uploaded, and shows where its call stands."""
    page, started = show()
    page.panel("trying")
    names = ["<img src=x onerror=alert(1)>.png", "two.png", "mask.png"]
    for name, data in zip(names, (BLUE, BLUE, mask_png()), strict=True):
        (tmp_path / name).write_bytes(data)
    page.says("#about", "the API of any day")
    page("#images").send_keys("\n".join(str(tmp_path / name) for name in names[:2]))
    page("#mask").send_keys(str(tmp_path / names[2]))
    for name, text in (
        ("prompt", "A round window"),
        ("model", "gpt-image-1.5"),
        ("size", "1536x1024"),
        ("quality", "low"),
    ):
        page.type(f"#{name}", text)
    assert page.js("return [...document.getElementById('sizes').options].map((one) => one.value)")[0] == "1024x1024"
    assert not page("#partials").is_enabled()
    page("#stream").click()
    page.type("#partials", "1")
    page("#send").click()
    page.says("#tried", "Answered 200.")
    page("#tried .link").click()
    assert page.js("return document.activeElement.parentElement.id") == "e000001"
    (entry,) = started.server.journal.entries()
    assert (entry["session"], entry["job"]["prompt"], entry["job"]["model"]) == (
        "page",
        "A round window",
        "gpt-image-1.5",
    )
    wanted = {"size": "1536x1024", "quality": "low", "stream": True, "partial_images": 1}
    assert wanted.items() <= entry["job"]["parameters"].items()
    assert [file["filename"] for file in entry["request"]["files"]] == names
    assert entry["job"]["mask"] == hashlib.sha256(mask_png()).hexdigest()


@browsing
def test_try_refused(show: Any) -> None:
    """What the API refuses is refused here too, in the session that was chosen."""
    page, started = show()
    edit(started, "me")
    page.says("#e000001", "200")
    page.choose("#session", "me")
    page.panel("trying")
    page("#sample").click()
    page.until(lambda: page.js("return document.getElementById('images').files.length") == 1)
    page.type("#size", "99x99")
    page.heard = ["400 (Bad Request)"]
    page("#send").click()
    page.says("#tried", "Answered 400.")
    entry = started.server.journal.entries()[1]
    assert (entry["session"], entry["request"]["files"][0]["filename"]) == ("me", "house.png")
    assert entry["answer"]["param"] == "size"


RING = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
HERE = "const e = document.activeElement; return e.id || (e.tagName === 'SUMMARY' ? e.parentElement.id : e.tagName)"


@browsing
def test_keyboard(show: Any) -> None:
    """All can be reached and done by keyboard, and one sees where one is."""
    page, started = show()
    edit(started)
    page.says("#e000001", "200")
    stops: list[str] = []
    while "e000001" not in stops:
        page.press(Keys.TAB)
        stops.append(page.js(HERE))
        style, width = page.js(RING)
        assert (style, width >= 2) == ("solid", True), stops
        assert len(stops) < 60
    reached = (
        "session",
        "playing",
        "builtin",
        "trying",
        "images",
        "sample",
        "mask",
        "prompt",
        "model",
        "stream",
        "send",
    )
    assert set(reached) < set(stops)
    assert stops[-4:] == ["words", "outcome", "clear", "e000001"]
    page.press(Keys.ENTER)
    page.until(lambda: page("#e000001 .inside h3").is_displayed())
    page("#sample").send_keys(Keys.SPACE)
    page.until(lambda: page.js("return document.getElementById('images').files.length") == 1)
    page("#model").send_keys(Keys.ENTER)
    page.says("#tried", "Answered 200.")
    page("#tried .link").send_keys(Keys.ENTER)
    assert page.js(HERE) == "e000002"


LIGHTNESS = """
const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const light = (colour) => {
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const back = (e) => {
  const colour = getComputedStyle(e).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" ? back(e.parentElement) : colour;
};
const told = "h1, h2, h3, p, dt, dd, label, button, input, select, summary span, .note *, .line span";
return [...document.querySelectorAll(told)].filter((e) => e.checkVisibility() && e.textContent + e.value).map((e) => {
  const [a, b] = [light(getComputedStyle(e).color), light(back(e))];
  return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + "." + e.className + "#" + e.id];
});
"""


@browsing
def test_light_and_dark(show: Any) -> None:
    """All that is written can be read, by day and by night: a contrast of 4.5 at least."""
    page, started = show(server("flaky"))
    for _ in range(4):
        edit(started, fields={"model": "gpt-image-1.5"})
    page.call(1)
    page.call(4)
    backs = []
    for scheme in ("light", "dark"):
        page.look(scheme=scheme)
        # A disabled field is pale on purpose, and new rows fade in.
        page.until(lambda: page.js("return document.getAnimations().length") == 0)
        page.js("document.querySelectorAll('[disabled]').forEach((one) => { one.disabled = false; })")
        backs.append(page.js("return getComputedStyle(document.body).backgroundColor"))
        measured = page.js(LIGHTNESS)
        assert len(measured) > 60
        assert [one for one in measured if one[0] < 4.5] == []
    assert len(set(backs)) == 2


OUTSIDE = """
const out = ({left, right}) => right > 360.5 || left < 0;
return [...document.body.querySelectorAll("*")]
  .filter((e) => e.checkVisibility() && !e.closest("select, datalist") && out(e.getBoundingClientRect()))
  .map((e) => e.outerHTML);
"""


@browsing
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_small(show: Any, scheme: str) -> None:
    """On a screen of 360 pixels nothing is cut off and nothing scrolls sideways."""
    page, started = show()
    page.look(360, 740, scheme)
    page.open()
    assert page.all("#builtin, #prompt") == []
    files = {"image": (f"{'long' * 40}.png", BLUE, "image/png"), "mask": ("m.png", mask_png(), "image/png")}
    edit(started, "session" * 9, {"prompt": "unbroken" * 40, "stream": "true"}, files)
    edit(started, fields={"size": "99x99"})
    for name in ("playing", "trying", "judging"):
        page.panel(name)
    page.call(1)
    page.call(2)
    page("canvas.mask")
    page.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.js("return document.documentElement.scrollWidth") <= 360
    assert page.js(OUTSIDE) == []


@browsing
def test_token(show: Any) -> None:
    """Beyond loopback the page asks for the token, and takes it from its address too."""
    page, started = show(server(), host="0.0.0.0")
    page.heard = ["401 (Unauthorized)"]
    page.until(lambda: page.js(HERE) == "secret")
    assert page("#trouble").text == ""
    page("#secret").send_keys("wrong", Keys.ENTER)
    edit(started)
    assert page("#token").is_displayed()
    page.type("#secret", started.server.token)
    page("#token .main").click()
    page.says("#e000001", "200")
    assert not page("#token").is_displayed()
    call = page.call(1)
    page.until(lambda: len(call.find_elements(By.CSS_SELECTOR, "figure img")) == 2)
    page.js("sessionStorage.clear()")
    page.open(f"/__mock/#token={started.server.token}")
    page.says("#e000001", "200")
    assert page.browser.current_url == f"{started.url}/__mock/"
    page.open("/__mock")
    page.says("#e000001", "200")


@browsing
def test_address_of_a_call(show: Any) -> None:
    page, started = show()
    edit(started)
    edit(started)
    page.open("/__mock/#e000001")
    page.until(lambda: page("#e000001 .inside h3").is_displayed())
    page.js("location.hash = 'e000002'")
    page.until(lambda: page("#e000002 .inside h3").is_displayed())


@browsing
def test_dropped_picture(show: Any) -> None:
    made = server()
    made.journal.pictures = Pictures(Limits(journal_image_bytes=1))
    page, started = show(made)
    edit(started)
    page.heard = ["410 (Gone)"]
    page.call(1)
    page.says("#e000001 .box.gone", "this image was dropped: the store keeps the newest 64 MiB")


@browsing
def test_cleared(show: Any) -> None:
    """What was forgotten goes from the page too, whoever had it forgotten, also when entries are numbered anew."""
    page, started = show()
    edit(started, "a")
    edit(started, "b")
    page.says("#e000002", "200")
    page.choose("#session", "a")
    page("#clear").click()
    page.until(lambda: page.js("return document.getElementById('e000001')") is None)
    page.choose("#session", "")
    page.until(lambda: page.shown() == ["e000002"])
    httpx2.post(f"{started.url}/__mock/reset", timeout=60)
    page.until(lambda: page("#empty").is_displayed())
    for _ in range(3):
        edit(started, fields={"prompt": "Anew"})
    page.says("#e000003", "Anew")
    page.until(lambda: page.shown() == ["e000003", "e000002", "e000001"])
    page("#clear").click()
    page.until(lambda: page("#empty").is_displayed())


@browsing
def test_many(show: Any) -> None:
    """The page holds the newest 200 calls."""
    page, started = show()
    with httpx2.Client(base_url=started.url, timeout=60) as client:
        for _ in range(205):
            client.get("/v1/models", headers={"authorization": "Bearer x"})
    page.says("#news", "e000205: 200 served")
    page.until(lambda: page.shown()[::199] == ["e000205", "e000006"])
    edit(started)
    page.says("#e000206", "Make it night")
    page.until(lambda: len(page.shown()) == 200)


@browsing
def test_server_gone(browser: webdriver.Chrome) -> None:
    with serve_in_thread(server()) as started:
        page = Page(browser, started.url).open()
        page.says("#scenario", "ok")
    page.says("#trouble", "No answer from the server: ")
    page.open("about:blank")
    assert page.console()


def test_headers() -> None:
    """Nothing runs in the page but its own script, and no other page frames it."""
    talk = MockClient()
    answer = talk.request("GET", "/__mock/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == served.text()
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace("xhttp", "")
    assert not any(
        word in answer.text for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(")
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_slash(method: str) -> None:
    answer = MockClient().request(method, "/__mock")
    assert (answer.status_code, answer.headers["location"]) == (307, "__mock/")


def test_guarded() -> None:
    talk = MockClient()
    talk.server.token = "secret"
    assert talk.request("GET", "/__mock/").status_code == 200
    assert talk.request("GET", "/__mock/choices").status_code == 401
    assert talk.request("GET", "/__mock/", headers={"Origin": "http://evil.test"}).status_code == 403
    assert talk.request("POST", "/__mock/", headers={"x-mockserver-token": "secret"}).status_code == 405


def test_pictures_do_nothing() -> None:
    """A picture that is opened by itself runs no script: one of the store, and one of an old answer's URL."""
    talk = MockClient()
    square = {"image": ("a.png", png(), "image/png")}
    answer = talk.edit(data={"model": "dall-e-2", "size": "256x256"}, files=square)
    stored = answer.json()["data"][0]["url"].removeprefix("http://test")
    sha256 = talk.get("journal")["entries"][0]["answer"]["pictures"][0]
    for path in (stored, f"/__mock/pictures/{sha256}"):
        answer = talk.request("GET", path)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].endswith("; sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
