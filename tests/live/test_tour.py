"""The tour: what its steps set, what its texts say, and what ends it."""

import re

import pytest

from tests.live.looking import FIFTY, SEVENTY, STOP, drag, picture, reads, says, state

THIRD = "#step=3&on=1&target=4"


def inside(page):
    """The share of what speaks for the 70 that the page says to lie in the sticker."""
    reads(page, ".asked", f"Red speaks for “{SEVENTY}”, blue against it.")
    reads(page, ".inside", re.compile(r"lies in the sticker"))
    return float(page.locator(".inside").text_content().partition("%")[0])


@pytest.mark.parametrize("at", ["0.14", "0.5", "0.86"])
def test_at_the_upper_edge_hardly_any_red_lies_on_the_sticker(opened, address, at):
    page = opened(address, f"{THIRD}&x={at}&y=0.14")
    says(page, FIFTY)
    assert page.locator(".asked").is_visible()
    assert inside(page) < 5


@pytest.mark.parametrize("at", ["x=0.4&y=0.64", "x=0.3&y=0.55", "x=0.5&y=0.75"])
def test_at_the_lower_left_much_of_the_red_does(opened, address, at):
    page = opened(address, f"{THIRD}&{at}")
    says(page, SEVENTY)
    assert inside(page) > 25


def test_the_third_step_asks_about_the_70_and_leaves_no_question_behind(opened, address):
    page = opened(address, "#step=2&on=1")
    page.locator("#tour-next").click()
    state(page, "target=4&step=3")
    page.locator("#tour-close").click()
    state(page, "on=1$")
    reads(page, ".asked", re.compile(SEVENTY))


def test_a_step_takes_the_brush_out_of_ones_hand(page):
    page.get_by_text("Brush", exact=True).click()
    page.locator("#tour-start").click()
    page.locator("#tour-next").click()
    says(page, SEVENTY)
    drag(page, (0.4, 0.64), (0.2, 0.2))
    says(page, FIFTY)
    state(page, "on=1&x=0.2&y=0.2&step=2")
    page.locator("#tour-close").click()
    assert page.locator("[name=tool][value=move]").is_checked()


def test_another_picture_ends_the_tour(opened, address):
    page = opened(address, THIRD)
    dropped = page.evaluate_handle(
        "async (bytes) => { const all = new DataTransfer();"
        "all.items.add(new File([Uint8Array.from(bytes)], 'a.png')); return all; }",
        list(picture(90, 90)),
    )
    page.locator("body").dispatch_event("drop", {"dataTransfer": dropped})
    page.wait_for_selector("#tour", state="hidden")
    state(page, "kind=own&on=1$")
    reads(page, ".verdict", re.compile(f"{STOP}|{SEVENTY}"))


def test_back_leads_to_the_step_before(opened, address):
    page = opened(address)
    for step in (2, 3):
        page.locator("#tour-next").click()
        reads(page, "#tour-count", f"{step} of 6")
    drag(page, (0.4, 0.64), (0.2, 0.2))
    state(page, "x=0.2.*step=3")
    page.go_back()
    reads(page, "#tour-count", "2 of 6")
    says(page, SEVENTY)
    page.go_back()
    reads(page, "#tour-count", "1 of 6")
    page.go_forward()
    page.go_forward()
    reads(page, "#tour-count", "3 of 6")
    state(page, "x=0.2.*step=3")  # as it was left
    says(page, FIFTY)
    page.locator("#tour-close").click()
    page.go_back()
    reads(page, "#tour-count", "3 of 6")


@pytest.mark.parametrize("language", ["en", "de"])
def test_on_a_phone_sign_heatmap_and_what_they_say_are_seen_at_once(opened, address, language):
    page = opened(address, THIRD, viewport={"width": 360, "height": 740})
    page.get_by_label(re.compile("Language|Sprache")).select_option(language)
    reads(page, ".inside", re.compile("39"))
    for part in ("#sign", ".heat", ".verdict", ".asked", ".inside"):
        box = page.locator(part).bounding_box()
        assert box["width"] > 120, part
        assert 0 <= box["y"] < box["y"] + box["height"] <= 740, part
