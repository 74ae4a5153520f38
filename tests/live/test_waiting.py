"""What the page shows while an answer is made, and when none comes."""

import re
import threading

import pytest

from tests.live.looking import FIFTY, SEVENTY, comes_true, reads, says
from xaisigns.live.answering import Answering

BUSY, STALE = "#answers[aria-busy=true]", "#answers.stale"


@pytest.fixture
def held(monkeypatch):
    """No answer is made until this is set."""
    release, answers = threading.Event(), Answering.answers
    monkeypatch.setattr(Answering, "answers", lambda *given: release.wait(10) and answers(*given))
    yield release
    release.set()


@pytest.fixture
def faint():
    return "Number(getComputedStyle(document.querySelector('.verdict')).opacity) < 0.9"


def test_an_answer_that_is_late_is_marked_until_the_one_that_is_wanted_comes(opened, address, faint, request):
    page = opened(address, "#class=2")
    assert page.locator(BUSY).count() == 0
    release = request.getfixturevalue("held")
    page.locator("#sticker").click()
    page.wait_for_timeout(100)
    assert page.locator(BUSY).count() == 0
    page.wait_for_selector(BUSY)
    comes_true(page, faint)
    says(page, FIFTY)
    release.set()
    says(page, SEVENTY)
    page.wait_for_selector(BUSY, state="detached")
    comes_true(page, f"!({faint})")


def test_where_nothing_is_wanted_nothing_is_marked(opened, address, held):
    page = opened(address, "#kind=own", wait="#sign-help:text('No picture chosen')")
    page.wait_for_timeout(600)
    assert page.locator(BUSY).count() == 0


def test_a_file_that_is_refused_leaves_the_answer_as_true_as_it_was(page):
    page.get_by_text("Another sign").click()
    page.get_by_label("Where from").select_option("own")
    page.get_by_label("Where from").select_option("drawn")
    says(page, FIFTY)
    page.evaluate(
        "() => { const all = new DataTransfer(); all.items.add(new File(['no picture'], 'a.png'));"
        "document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: all, bubbles: true })); }"
    )
    reads(page, "#trouble", re.compile("your file cannot be read as a picture"))
    assert page.locator(STALE).count() == 0


def test_a_question_that_is_refused_makes_the_answer_stale(page, monkeypatch):
    def refusing(*_):
        raise MemoryError

    monkeypatch.setattr(Answering, "answers", refusing)
    page.locator("#sticker").click()
    reads(page, "#trouble", "That did not work: there is not enough memory for this")
    page.wait_for_selector(STALE)
    page.wait_for_timeout(600)
    assert page.locator(BUSY).count() == 0
    monkeypatch.undo()
    page.locator("#sticker").click()
    page.wait_for_selector(STALE, state="detached")


def test_another_language_tells_the_last_answer_at_once(page, held):
    page.locator("#sign").focus()
    page.get_by_label("Language").select_option("de")
    says(page, "Zulässige Höchstgeschwindigkeit 50 km/h")
    reads(page, ".flip", "Auf dem Schild klebt nichts.")
    assert page.locator(".bars .name").count() == 5
