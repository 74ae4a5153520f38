"""What the tests of the page share."""

import re

import pytest

import xaisigns as xs
from tests.findings import examined
from tests.live.served import serving
from xaisigns.audit import audit_files
from xaisigns.live.exhibit import Exhibit


@pytest.fixture
def made_up_audit(monkeypatch):
    """An audit finds what is made up."""
    monkeypatch.setattr(audit_files, "examine", examined)


@pytest.fixture(scope="module")
def stickered():
    return xs.load_model("stickered")


@pytest.fixture(scope="module")
def address(stickered):
    with serving(Exhibit(stickered, [], "en")) as address:
        yield address


@pytest.fixture
def opened(browser):
    """Opens an address; in the end, no message and no request but to that server may have come of it."""
    contexts, noticed = [], []

    def opening(address, fragment="", expected="(?!)", wait="body[data-answer]", **settings):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        for event in ("console", "pageerror", "dialog"):
            page.on(event, lambda what: noticed.append(text) if not re.search(expected, text := str(what)) else None)
        page.on("request", lambda asked: noticed.append(asked.url) if not asked.url.startswith(address) else None)
        page.goto(address + fragment)
        page.wait_for_selector(wait)
        return page

    yield opening
    for context in contexts:
        context.close()
    assert noticed == []


@pytest.fixture
def page(opened, address):
    """Without the tour: a 50, and no sticker on it."""
    return opened(address, "#class=2")
