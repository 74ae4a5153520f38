"""A browser that asks nobody but the pages of the tests."""

from contextlib import contextmanager

from tests.needs import BROWSER, need

_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched():
    """Chromium, driven by Playwright."""
    need("browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=BROWSER, args=_SWITCHES)
