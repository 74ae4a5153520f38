"""The HTML report in a browser: what a reader does with it, by mouse and by keyboard, and without JavaScript."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.report.contents import MARKUP, bare_report, small_report
from xaisigns.report.html import write_html


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "report.html"
    write_html(small_report(), path)
    return path


@pytest.fixture
def opened(browser):
    """Opens a file; in the end, no message and no request but that for the file may have come of it."""
    pages, noticed = [], []

    def opening(path, **settings):
        page = browser.new_page(viewport={"width": 1200, "height": 800}, **settings)
        page.set_default_timeout(10_000)
        pages.append(page)
        for event in ("console", "pageerror", "dialog"):
            page.on(event, lambda what: noticed.append(str(what)))
        page.on("request", lambda asked: noticed.append(asked.url) if not asked.url.startswith("data:") else None)
        page.goto(path.as_uri())
        noticed.remove(path.as_uri())
        return page

    yield opening
    for page in pages:
        page.close()
    assert noticed == []


@pytest.fixture
def page(opened, report):
    return opened(report)


def shown(page, selector):
    return [" ".join(one.text_content().split()) for one in page.locator(selector).all() if one.is_visible()]


def colour(page, tile):
    """Of a tile as it is drawn: the mean of its left half."""
    picture = np.asarray(Image.open(io.BytesIO(tile.screenshot())).convert("RGB"))
    return picture[4:-4, 4 : picture.shape[1] // 2 - 4].mean(axis=(0, 1))


def test_navigation_leads_to_a_class_and_shows_where_one_is(page):
    page.locator("#classes a").nth(1).click()
    assert page.evaluate("location.hash") == "#class-1"
    page.wait_for_selector("nav a[aria-current][href='#class-1']")
    top = page.locator("#class-1").bounding_box()["y"]
    assert page.locator(".display").bounding_box()["height"] <= top < 100
    page.get_by_text("Gezeigte Verfahren").click()
    assert page.locator("#class-1").bounding_box()["y"] == top


def test_a_class_name_stays_text(page):
    assert MARKUP in page.locator("#class-1 h2").text_content()
    assert page.locator("script").count() == 1


@pytest.mark.parametrize(
    ("typed", "found"), [("ueber", []), ("UBERHOL", ["0", "2"]), ("kraft", ["2"]), ("1", ["1"]), ("", ["0", "1", "2"])]
)
def test_search_finds_classes_by_name_and_number(typed, found, page):
    page.keyboard.press("/")
    page.keyboard.type(typed)
    assert [text.split()[0] for text in shown(page, "#classes li")] == found
    assert bool(page.locator("#search-none").inner_text()) == (not found)


def test_search_goes_to_the_first_class_found(page):
    page.keyboard.press("/")
    page.keyboard.type("3,5 t")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#class-2"
    assert page.evaluate("document.activeElement.id") == "name-2"


def test_j_and_k_walk_through_the_classes(page):
    page.locator("#classes a").nth(0).click()
    page.wait_for_selector("nav a[aria-current][href='#class-0']")
    page.keyboard.press("j")
    page.wait_for_selector("nav a[aria-current][href='#class-1']")
    page.keyboard.press("k")
    page.wait_for_selector("nav a[aria-current][href='#class-0']")


def test_the_slider_lays_the_heatmap_over_the_grey_image(page):
    tile = page.locator("#class-0 tbody.row .tile.heat").first
    slider = page.locator("#strength")
    slider.fill("100")
    np.testing.assert_allclose(colour(page, tile), (255, 0, 0), atol=2)
    slider.fill("0")
    red, green, blue = colour(page, tile)
    assert abs(red - green) < 3
    assert abs(green - blue) < 3
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("output").inner_text() == "1 %"


def test_methods_are_chosen(page):
    assert shown(page, "#class-0 thead th") == ["Bild", "LRP ε-γ", "Saliency"]
    page.get_by_text("Gezeigte Verfahren").click()
    page.get_by_label("LRP ε-γ").first.uncheck()
    assert shown(page, "#class-0 thead th") == ["Bild", "Saliency"]
    assert shown(page, "#class-1 thead th") == ["Bild", "Saliency"]


def test_tiles_grow(page):
    tile = page.locator("#class-0 tbody.row .tile").first
    page.locator("#size").fill("120")
    assert tile.bounding_box()["width"] == pytest.approx(120, abs=1)


def test_a_click_on_a_row_enlarges_it(page):
    tile = page.locator("#class-0 tbody.row").nth(2).locator(".tile").nth(1)
    small = tile.bounding_box()["width"]
    tile.click()
    assert "Falsch, am sichersten" in page.locator("#zoom-title").inner_text()
    assert page.locator("#zoom .tile").nth(1).bounding_box()["width"] > 1.5 * small
    assert shown(page, "#zoom figcaption") == ["Bild", "LRP ε-γ", "Saliency"]
    page.get_by_label("Nächste Zeile").click()
    assert "Mit Aufkleber" in page.locator("#zoom-title").inner_text()
    page.get_by_label("Schließen").click()
    assert not page.locator("#zoom").is_visible()


def test_a_row_is_enlarged_by_keyboard(page):
    button = page.locator("#class-0 tbody.row button").first
    button.focus()
    page.keyboard.press("Enter")
    assert "Typisch" in page.locator("#zoom-title").inner_text()
    page.keyboard.press("ArrowLeft")
    assert MARKUP in page.locator("#zoom-title").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert not page.locator("#zoom").is_visible()
    assert button.evaluate("one => one === document.activeElement")


def test_light_and_dark(page):
    brightness = "parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(brightness) < 60
    page.get_by_label("Farben").select_option("light")
    assert page.evaluate(brightness) == 255
    page.emulate_media(color_scheme="light")
    page.get_by_label("Farben").select_option("dark")
    assert page.evaluate(brightness) < 60


def test_on_paper_there_is_no_control_and_the_paper_is_white(page):
    page.get_by_label("Farben").select_option("dark")
    page.emulate_media(media="print")
    for selector in ("nav", ".display", "#class-0 button"):
        assert not page.locator(selector).first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#class-0 .tile").first.is_visible()


def test_without_javascript_everything_can_be_read(opened, report):
    page = opened(report, java_script_enabled=False)
    assert shown(page, "form, button, #search, dialog") == []
    assert page.locator("#class-0 tbody.row").count() == 5
    assert page.locator("#reading").get_by_text("Rot spricht für diese Klasse").is_visible()
    page.locator("#classes a").nth(0).click()
    tile = page.locator("#class-0 tbody.row .tile.heat").first
    assert colour(page, tile)[0] > 200
    assert colour(page, tile)[1] < 60


def test_nothing_is_wider_than_a_phone(opened, report):
    page = opened(report)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_report_of_almost_nothing_works(opened, tmp_path):
    write_html(bare_report(), tmp_path / "bare.html")
    page = opened(tmp_path / "bare.html")
    page.keyboard.press("j")
    page.keyboard.press("/")
    page.keyboard.type("überhol")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#class-0"
