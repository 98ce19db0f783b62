"""A browser for the tests of pages: Chromium without a window, driven by WebDriver."""
import contextlib
import os

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from harness import wait_for

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update")


class Page:
    """A page of a running daemon."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url

    def open(self, path="/", width=1400, height=1000):
        self.driver.set_window_size(width, height)
        self.driver.get("about:blank")
        self.driver.get_log("browser")  # what was before is forgotten
        self.driver.get(self.url + path)
        return self

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector="main"):
        """What is seen of the first element; "" when it is not there."""
        return self.driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def run(self, script, *arguments):
        return self.driver.execute_script("return " + script, *arguments)

    def click(self, selector):
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def wait(self, selector, what):
        """Waits until the element's text holds `what`."""
        try:
            return wait_for(lambda: what in self.text(selector), f"'{what}' in {selector}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.text(selector)!r}; {self.complaints()}") from None

    def complaints(self):
        """What the browser's console says is wrong, but for answers that are meant to be refusals."""
        return [entry["message"] for entry in self.driver.get_log("browser") if "last_failure" not in entry["message"]]


@contextlib.contextmanager
def browser(folder):
    options = Options()
    for argument in (*ARGUMENTS, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        yield driver
    finally:
        driver.quit()
