"""Headless Chromium for tests of the page."""

import shutil
from collections.abc import Callable
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# In a container there is no sandbox for root, and little shared memory.
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-device-scale-factor=1",
)


def chromium() -> webdriver.Chrome:
    """A browser that records its console."""
    assert CHROMIUM, "no chromium: install Debian's packages chromium and chromium-driver"
    assert DRIVER, "no chromedriver: install Debian's package chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


class Page:
    """The page of the server at `url`."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser, self.url = browser, url
        # Parts of messages that are allowed on the console.
        self.heard: list[str] = []
        self.look()

    def open(self, path: str = "/__mock/") -> "Page":
        """Open a path from an empty page."""
        self.browser.get("about:blank")
        self.browser.get(path if ":" in path.partition("#")[0] else self.url + path)
        return self

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Set the size of the window and the color scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def __call__(self, css: str) -> WebElement:
        """Wait for the first element that a selector matches."""
        return self.until(lambda: self.browser.find_element(By.CSS_SELECTOR, css))

    def all(self, css: str) -> list[WebElement]:
        """All visible elements that a selector matches."""
        return [one for one in self.browser.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()]

    def until(self, condition: Callable[[], Any], otherwise: str = "") -> Any:
        """Wait until a condition is true and return its value."""
        passing = (NoSuchElementException, StaleElementReferenceException)
        wait = WebDriverWait(self.browser, 30, 0.05, ignored_exceptions=passing)
        return wait.until(lambda _: condition(), otherwise)

    def says(self, css: str, text: str) -> None:
        """Wait until an element shows a text."""
        self.until(lambda: text in self.browser.find_element(By.CSS_SELECTOR, css).text, f"{css} never showed {text!r}")

    def call(self, number: int) -> WebElement:
        """Expand a call."""
        details = self(f"#e{number:06d}")
        self.js("arguments[0].open = true", details)
        self.until(lambda: details.find_elements(By.CSS_SELECTOR, ".inside h3"))
        return details

    def panel(self, name: str) -> None:
        self.js("document.getElementById(arguments[0]).open = true", name)

    def choose(self, css: str, value: str) -> None:
        """Select an option."""
        Select(self(css)).select_by_value(value)

    def type(self, css: str, text: str) -> None:
        """Replace the text of a field."""
        self(css).clear()
        self(css).send_keys(text)

    def press(self, key: str) -> None:
        """Send a key to the focused element."""
        webdriver.ActionChains(self.browser).send_keys(key).perform()

    def shown(self) -> list[str]:
        """The ids of the visible calls, from top to bottom."""
        visible = "[...document.querySelectorAll('details.call')].filter((one) => one.checkVisibility())"
        ids: list[str] = self.js(f"return {visible}.map((one) => one.id)")
        return ids

    def js(self, script: str, *arguments: Any) -> Any:
        """Run a script and return its value."""
        return self.browser.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """The console messages since the last call."""
        return [line["message"] for line in self.browser.get_log("browser")]
