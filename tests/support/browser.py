"""Debian's Chromium, without a screen, looking at the page of a server in this process."""

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
    """A browser that notes what is said on its console."""
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
        # Words of what may be said on the console.
        self.heard: list[str] = []
        self.look()

    def open(self, path: str = "/__mock/") -> "Page":
        """Go there from an empty page, with an empty store."""
        self.browser.get("about:blank")
        self.browser.get(path if ":" in path.partition("#")[0] else self.url + path)
        return self

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Make the window so large, and the machine light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def __call__(self, css: str) -> WebElement:
        """The first element that a selector finds, as soon as there is one."""
        return self.until(lambda: self.browser.find_element(By.CSS_SELECTOR, css))

    def all(self, css: str) -> list[WebElement]:
        """All elements that a selector finds and that can be seen."""
        return [one for one in self.browser.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()]

    def until(self, condition: Callable[[], Any], otherwise: str = "") -> Any:
        """What a condition returns, once that is true."""
        passing = (NoSuchElementException, StaleElementReferenceException)
        wait = WebDriverWait(self.browser, 30, 0.05, ignored_exceptions=passing)
        return wait.until(lambda _: condition(), otherwise)

    def says(self, css: str, text: str) -> None:
        """Wait until an element shows a text."""
        self.until(lambda: text in self.browser.find_element(By.CSS_SELECTOR, css).text, f"{css} never said {text!r}")

    def call(self, number: int) -> WebElement:
        """A call, opened."""
        details = self(f"#e{number:06d}")
        self.js("arguments[0].open = true", details)
        self.until(lambda: details.find_elements(By.CSS_SELECTOR, ".inside h3"))
        return details

    def panel(self, name: str) -> None:
        """Open a panel."""
        self.js("document.getElementById(arguments[0]).open = true", name)

    def choose(self, css: str, value: str) -> None:
        """Pick from a list."""
        Select(self(css)).select_by_value(value)

    def type(self, css: str, text: str) -> None:
        """Type in place of what is there."""
        self(css).clear()
        self(css).send_keys(text)

    def press(self, key: str) -> None:
        """Press a key, wherever the focus is."""
        webdriver.ActionChains(self.browser).send_keys(key).perform()

    def shown(self) -> list[str]:
        """The ids of the calls that are shown, from the top."""
        visible = "[...document.querySelectorAll('details.call')].filter((one) => one.checkVisibility())"
        ids: list[str] = self.js(f"return {visible}.map((one) => one.id)")
        return ids

    def js(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self.browser.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """What was said on the console since it was asked last."""
        return [line["message"] for line in self.browser.get_log("browser")]
