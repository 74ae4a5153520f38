"""The page in a browser, as a visitor meets it: by mouse, finger and keys, in both languages, with what goes wrong."""

import base64
import io
import re
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from tests.commands import ended
from tests.conftest import OWN_CLASSES, narrow_networks, random_model
from tests.live.looking import (
    FIFTY,
    LOST,
    SEVENTY,
    STOP,
    drag,
    picture,
    pixels,
    place,
    port_of,
    reads,
    says,
    state,
    yellow,
)
from tests.live.served import serving
from tests.repairs import written_findings
from xaisigns.audit.findings_file import read_findings
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.live import application, visitor
from xaisigns.live.album import Album
from xaisigns.live.answering import Answering
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import files_to_keep
from xaisigns.study.model_cache import ModelCache


def test_a_sticker_that_is_dragged_flips_the_answer_and_the_moment_is_marked(opened, address):
    page = opened(address, "#on=1&x=0.06&y=0.06&size=0.12")
    says(page, FIFTY)
    reads(page, ".flip", "The same as without the sticker.")
    page.locator("#sign").scroll_into_view_if_needed()
    page.get_by_text("Sticker and brush").click()
    page.locator("#size").fill("0.28")
    knob = yellow(page)
    drag(page, (0.14, 0.14), (0.4, 0.64))
    says(page, SEVENTY)
    reads(page, ".flip", re.compile(r"^The answer flipped. Without the sticker: Speed limit 50 km/h \(\d\d[.\d]*%\)$"))
    assert re.fullmatch(r"The network now says Speed limit 70 km/h, .*%\.", page.locator("#heard").text_content())
    state(page, "on=1$")
    reads(page, ".inside", re.compile(r"^\d\d\.\d% of what speaks for it lies in the sticker, which covers \d+\.\d% "))
    drag(page, (0.4, 0.64), (0.14, 0.14))
    says(page, FIFTY)
    page.locator("#sign").focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    state(page, "y=0.29")
    assert yellow(page) > knob + 100  # a line where it flipped


def test_the_knob_resizes_and_turns(opened, address):
    page = opened(address, "#on=1&x=0.5&y=0.5&size=0.2")
    drag(page, (0.6, 0.6), (0.5, 0.8))
    state(page, "size=0.42")
    state(page, "angle=45")


def test_by_keys_alone(page):
    from playwright.sync_api import expect

    page.locator("#sticker").focus()
    page.keyboard.press("Enter")
    says(page, SEVENTY)
    expect(page.locator("#sticker")).to_have_text("Take the sticker off")
    page.locator("#sign").focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp", "+", "-", "+", ">", "<", "<"):
        page.keyboard.press(key)
    state(page, "on=1&x=0.46&y=0.63&size=0.29&angle=-5")
    assert page.locator("#heard").text_content() == "Sticker 46% from the left, 63% from the top, size 29%, turned -5°"
    for _ in range(12):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "move"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "brush"
    reads(page, "#sign-help", "Paint on the sign with the mouse or a finger.")


def test_a_finger_drags_too(opened, address):
    page = opened(address, "#on=1&x=0.2&y=0.2", has_touch=True)
    reads(page, "#sign-help", re.compile("Drag the sticker.*yellow knob.*yellow dashed line"))
    page.touchscreen.tap(*place(page, 0.4, 0.64))
    says(page, SEVENTY)
    state(page, "on=1$")


def test_neither_a_second_finger_nor_a_wipe_disturbs_what_is_drawn(opened, address):
    page = opened(address, "#on=1&x=0.3&y=0.3&size=0.2")
    other = (
        "() => ['down', 'move', 'up'].forEach((what) => document.querySelector('#sign').dispatchEvent("
        "new PointerEvent(`pointer${what}`, { isPrimary: false, clientX: 400, clientY: 400 })))"
    )
    page.mouse.move(*place(page, 0.3, 0.3))
    page.mouse.down()
    page.evaluate(other)
    page.mouse.move(*place(page, 0.5, 0.4))
    page.mouse.up()
    state(page, "on=1&x=0.5&y=0.4&size=0.2")
    page.get_by_text("Brush", exact=True).click()
    page.mouse.move(*place(page, 0.3, 0.3))
    page.mouse.down()
    page.evaluate("document.querySelector('#wipe').click()")
    page.mouse.move(*place(page, 0.5, 0.4))
    page.mouse.up()
    state(page, "size=0.2$")


def test_one_paints_and_wipes(page):
    before = pixels(page, ".heat")
    page.get_by_text("Brush", exact=True).click()
    drag(page, (0.3, 0.5), (0.7, 0.5))
    state(page, "strokes=bffffff")
    reads(
        page, ".flip", re.compile(r"The same as without sticker and paint\.|Without sticker and paint: Speed limit 50")
    )
    page.wait_for_timeout(500)
    assert np.abs(pixels(page, ".heat") - before).mean() > 1
    page.get_by_text("Eraser", exact=True).click()
    drag(page, (0.3, 0.5), (0.7, 0.5))
    state(page, r"strokes=b\w+\.e\w+")
    page.locator("#wipe").click()
    assert page.evaluate("document.activeElement.id") == "sticker"
    state(page, "$")
    reads(page, ".flip", "Nothing is on the sign.")


def test_another_question_another_answer(opened, address):
    page = opened(address, "#on=1")
    page.get_by_text("The question").click()
    first = pixels(page, ".heat")
    page.get_by_label("Method").select_option("saliency")
    state(page, "method=saliency")
    assert not page.locator("#composite").is_visible()
    page.wait_for_timeout(2000)
    assert np.abs(pixels(page, ".heat") - first).mean() > 1
    page.get_by_label("Method").select_option("lrp")
    assert page.locator("#gamma").is_visible()
    page.get_by_label("Rules (composite)").select_option("epsilon_plus_flat")
    assert not page.locator("#gamma").is_visible()
    page.get_by_label("What speaks for …").select_option("2")
    reads(page, ".asked", f"Red speaks for “{FIFTY}”, blue against it.")
    page.get_by_label("… rather than for").select_option("4")
    reads(page, ".asked", f"Red speaks for “{FIFTY}” rather than “{SEVENTY}”, blue the other way round.")
    page.get_by_label("… rather than for").select_option("rest")
    reads(page, ".asked", re.compile("rather than all others"))
    page.get_by_label("… rather than for").select_option("2")
    reads(page, ".asked", f"There is nothing to compare: “{FIFTY}” is the very class that is asked about.")
    page.get_by_label("… rather than for").select_option("rest")
    page.get_by_label("Look into a layer").select_option("features.18")
    reads(page, ".layer-name", "Strongest channels of features.18")
    assert page.locator(".channels li").count() == 10
    state(page, "target=2&against=rest&layer=features.18")


def test_the_strength_of_the_colours_is_in_hand(opened, address):
    page = opened(address, "#on=1")
    page.locator(".opacity").fill("0")
    grey = pixels(page, ".over")
    assert np.ptp(grey, axis=2).mean() < 3
    page.locator(".opacity").fill("1")
    assert np.ptp(pixels(page, ".over"), axis=2).mean() > 10


def test_the_tour_tells_the_story(opened, address):
    page = opened(address)
    said = [FIFTY, SEVENTY, SEVENTY, SEVENTY, None, SEVENTY]
    for step, verdict in enumerate(said, start=1):
        reads(page, "#tour-count", f"{step} of 6")
        if verdict:
            says(page, verdict)
        else:
            reads(page, ".verdict", re.compile(f"^(?!{SEVENTY})."))
        state(page, f"step={step}")
        assert page.locator(".maps").first.is_visible() == (step in (3, 4, 6))
        link = page.url
        if step > 1:
            assert page.evaluate("document.activeElement.id") == "tour-title"
        linked = opened(address, link[len(address) :])
        reads(linked, "#tour-count", f"{step} of 6")
        linked.close()
        page.locator("#tour-next").click()
    page.wait_for_selector("#tour", state="hidden")
    assert page.locator("#panels").is_visible()
    page.locator("#tour-start").click()
    page.locator("#tour-next").click()
    page.locator("#tour-back").click()
    reads(page, "#tour-title", "A network reads traffic signs")
    page.locator("#tour-close").click()
    says(page, FIFTY)
    state(page, "step=0$")  # with nothing said it would be the tour
    assert page.evaluate("document.activeElement.id") == "sign"
    assert page.locator("h1").text_content() == "xaisigns"


def test_in_german_and_it_is_remembered(opened, address):
    page = opened(address, "#step=2&on=1")
    page.get_by_label("Language").select_option("de")
    reads(page, "#tour-title", "Ein Aufkleber stimmt es um")
    says(page, "Zulässige Höchstgeschwindigkeit 70 km/h")
    assert page.evaluate("[document.documentElement.lang, document.title]") == ["de", "xaisigns: Was sieht das Netz?"]
    assert re.search(r"\d,\d\s%", page.locator(".bars .share").first.text_content())
    page.reload()
    reads(page, "#tour-title", "Ein Aufkleber stimmt es um")
    page.locator("#tour-close").click()
    page.get_by_text("Ein anderes Schild").click()
    page.get_by_label("Quelle").select_option("own")
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture(1, 1)})
    reads(page, "#trouble", re.compile("Das ging nicht: Das Bild hat 1 x 1 Pixel, mindestens 8 müssen es "))


def test_what_is_saved_is_what_explain_writes(opened, address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = opened(address, "#on=1&target=2&against=4")
    page.locator("#keep").click()
    page.wait_for_selector("#kept-picture", state="visible", timeout=30_000)
    for name in ("picture", "sign"):
        with page.expect_download() as download:
            page.locator(f"#kept-{name}").click()
        download.value.save_as(tmp_path / f"{name}.png")
    (tmp_path / "picture.png").rename(tmp_path / "saved.png")
    command = page.locator("#kept-command").text_content()
    assert command == "xaisigns explain sign.png --target 2 --against 4 --lang en"
    assert ended(*shlex.split(command)[1:]) == 0
    assert Path("heatmaps/sign.png").read_bytes() == Path("saved.png").read_bytes()
    page.locator("#kept-close").click()
    assert not page.locator("#kept").is_visible()


def test_what_cannot_be_saved_is_told_where_one_waits(page, monkeypatch):
    def refusing(*_):
        raise MemoryError

    monkeypatch.setattr(visitor, "files_to_keep", refusing)
    page.locator("#keep").click()
    reads(page, "#kept-waiting", "That did not work: there is not enough memory for this")
    page.keyboard.press("Escape")
    assert not page.locator("#kept").is_visible()


def test_ones_own_picture_by_file_and_by_drop(page):
    page.get_by_text("Another sign").click()
    page.get_by_label("Where from").select_option("own")
    reads(page, "#sign-help", "No picture chosen yet.")
    assert not page.locator("#answers").is_visible()
    assert pixels(page, "#sign").std(axis=(0, 1)).max() < 15  # nothing is on the canvas
    page.locator("#file").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(200, 150, "JPEG")}
    )
    says(page, STOP)
    assert re.match(r"The network now says Stop, ", page.locator("#heard").text_content())
    assert page.locator("#answers").is_visible()
    dropped = page.evaluate_handle(
        "async () => { const all = new DataTransfer(); const drawn = await (await fetch('icon.svg')).blob();"
        "all.items.add(new File([drawn], 'icon.svg')); return all; }"
    )
    page.locator("body").dispatch_event("drop", {"dataTransfer": dropped})
    reads(page, "#trouble", re.compile("^That did not work: your file cannot be read as a picture; one of PNG"))
    says(page, STOP)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no picture", "your file cannot be read as a picture"),
        (picture(1, 1), "your picture has 1 x 1 pixels, at least 8 are wanted on each side"),
        (b"x" * 21_000_000, "The file has 21 MB, at most 20 MB are taken."),
        (b"", "your file cannot be read as a picture"),
    ],
    ids=["text", "a pixel", "large", "empty"],
)
def test_a_file_that_is_no_picture_is_told_and_all_goes_on(page, content, told):
    page.get_by_text("Another sign").click()
    page.get_by_label("Where from").select_option("own")
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    reads(page, "#trouble", re.compile(told))
    page.get_by_label("Where from").select_option("drawn")
    page.locator("#class").select_option("14")
    says(page, STOP)
    assert not page.locator("#trouble").is_visible()


def test_two_tabs_and_a_reload_are_pages_of_their_own(opened, address):
    one, other = opened(address, "#on=1"), opened(address, "#class=14&seed=126")
    says(one, SEVENTY)
    says(other, STOP)
    one.reload()
    says(one, SEVENTY)
    other.locator("#sticker").click()
    says(other, SEVENTY)
    says(one, SEVENTY)


def test_an_address_of_nonsense_is_the_start(opened, address):
    page = opened(
        address, "#x=&y=NaN&size=1e9&kind=a&class=9999999999999999&strokes=zz.b.e12&colour=red&step=99&on=2&q=1"
    )
    says(page, FIFTY)


def test_what_is_said_is_of_the_picture_that_is_shown(opened, address, monkeypatch):
    page = opened(address, "#class=2")
    says(page, FIFTY)
    before = pixels(page, "#sign")
    page.get_by_text("Another sign").click()
    release = threading.Event()
    answers = Answering.answers
    monkeypatch.setattr(Answering, "answers", lambda *given: release.wait(10) and answers(*given))
    for one in ("14", "2"):  # and back before the first is answered
        page.locator("#class").select_option(one)
    page.evaluate("delete document.body.dataset.answer")
    release.set()
    page.wait_for_selector("body[data-answer]")
    page.wait_for_timeout(300)
    says(page, FIFTY)
    page.evaluate("scrollTo(0, 0)")
    assert np.abs(pixels(page, "#sign") - before).mean() < 1


def test_the_link_to_the_sign_leaves_the_state_as_it_is(opened, address):
    page = opened(address, "#on=1&class=14&seed=126")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "sign"
    page.wait_for_timeout(300)
    state(page, "class=14&seed=126&on=1")
    says(page, SEVENTY)


def test_another_exhibit_at_the_same_address_is_shown_as_what_it_is(opened, stickered, narrow, own_untrained):
    with serving(Exhibit(stickered, [], "en")) as address:
        page = opened(address, "#on=1", expected=LOST)
        says(page, SEVENTY)
    with serving(Exhibit(xs.load_model(own_untrained), [], "en"), port=port_of(address)):
        reads(page, ".verdict", re.compile("|".join(map(re.escape, OWN_CLASSES))))
        assert not page.locator("#tour-start").is_visible()


def test_a_server_that_comes_back_is_found_again(opened, stickered):
    exhibit = Exhibit(stickered, [], "en")
    with serving(exhibit) as address:
        page = opened(address, "#on=1", expected=LOST)
        says(page, SEVENTY)
    reads(page, "#trouble", "The server does not answer. Trying again …")
    page.evaluate("scrollTo(0, 1e6)")
    assert page.evaluate("document.querySelector('#trouble').getBoundingClientRect().top") == 0
    assert page.locator("#answers.stale").count() == 1
    page.locator("#sticker").click()
    with serving(exhibit, port=port_of(address)):
        says(page, FIFTY)
        assert not page.locator("#trouble").is_visible()
        assert page.locator("#answers.stale").count() == 0


@pytest.mark.parametrize("left", [False, True])
def test_ones_own_picture_is_sent_again_to_a_server_that_comes_back(opened, stickered, left):
    exhibit = Exhibit(stickered, [], "en")
    with serving(exhibit) as address:
        page = opened(address, "#on=1&x=0.1&y=0.1&size=0.05", expected=LOST)
        page.get_by_text("Another sign").click()
        page.get_by_label("Where from").select_option("own")
        page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture(90, 90)})
        says(page, STOP)
        if left:
            page.get_by_label("Where from").select_option("drawn")
            says(page, FIFTY)
    reads(page, "#trouble", re.compile("does not answer"))
    with serving(exhibit, port=port_of(address)):
        page.locator("#sticker").click()
        reads(page, ".flip", "Nothing is on the sign.")
        page.wait_for_timeout(1500)  # in which a picture that is sent again would come to be shown
        says(page, FIFTY if left else STOP)


def test_a_file_that_is_chosen_while_no_server_answers_is_sent_to_the_next(opened, stickered):
    exhibit = Exhibit(stickered, [], "en")
    with serving(exhibit) as address:
        page = opened(address, "#class=2", expected=LOST)
    reads(page, "#trouble", re.compile("does not answer"))
    page.get_by_text("Another sign").click()
    page.get_by_label("Where from").select_option("own")
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture(90, 90)})
    with serving(exhibit, port=port_of(address)):
        says(page, STOP)


def test_where_all_places_are_taken_it_is_told_and_asked_for_slowly(opened, address, monkeypatch):
    monkeypatch.setattr(application, "MOST_VISITORS", 0)
    page = opened(address, wait="#trouble")
    reads(page, "#trouble", "All places are taken. Trying again from time to time …")
    lines = []
    page.on("websocket", lambda line: lines.append(line))
    page.wait_for_timeout(2500)
    assert lines == []
    assert page.locator("#trouble").is_visible()


def test_what_is_saved_is_of_the_state_that_one_saves(opened, address, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(visitor, "files_to_keep", lambda *given: release.wait(10) and files_to_keep(*given))
    page = opened(address, "#on=1")
    page.locator("#keep").click()
    page.keyboard.press("Escape")
    page.locator("#sticker").focus()
    page.get_by_text("The question").click()
    page.get_by_label("What speaks for …").select_option("2")
    page.locator("#keep").click()
    release.set()
    page.wait_for_selector("#kept-command", state="visible", timeout=30_000)
    assert "--target 2" in page.locator("#kept-command").text_content()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("#copy").click()
    reads(page, "#copied", "The command is selected. Copy it by keyboard.")
    assert page.evaluate("String(getSelection())").strip() == page.locator("#kept-command").text_content()


def test_where_the_server_goes_while_one_saves_it_is_told_there(opened, stickered, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(visitor, "files_to_keep", lambda *given: release.wait(3) and files_to_keep(*given))
    with serving(Exhibit(stickered, [], "en")) as address:
        page = opened(address, "#on=1", expected=LOST)
        page.locator("#keep").click()
    reads(page, "#kept-waiting", "The server does not answer. Trying again …")


def test_what_is_drawn_here_is_what_the_server_draws_of_a_picture_that_is_not_square(opened, stickered):
    exhibit = Exhibit(stickered, [], "en")
    object.__setattr__(exhibit, "patches", [Image.new("RGB", (60, 30), "lime")])
    with serving(exhibit) as address:
        page = opened(address, "#on=1&patch=0&x=0.9&y=0.3&size=0.5&angle=90&strokes=bff00007nq9zzq9zq9zq9z")
        page.get_by_text("Another sign").click()
        page.get_by_label("Where from").select_option("own")
        page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture(300, 100)})
        says(page, re.compile("."))
        page.wait_for_selector("#answers", state="visible")
        page.locator("#keep").click()
        page.wait_for_selector("#kept-sign", state="visible", timeout=30_000)
        assert not page.locator("#link").is_visible()  # whose picture no other page has
        with page.expect_download() as download:
            page.locator("#kept-sign").click()
        with Image.open(download.value.path()) as saved:
            wanted = np.asarray(saved.convert("RGB").resize((200, 200), Image.Resampling.BILINEAR)).astype(float)
        data = page.evaluate("document.querySelector('.base').toDataURL().split(',')[1]")
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(float)
    assert np.abs(drawn - wanted).mean() < 3


def test_a_long_line_is_painted_whole_and_what_does_not_fit_is_told(opened, address):
    strokes = ".".join(["bffffff123" + "zzzzzz" * 4] * 198)
    page = opened(address, f"#class=2&strokes={strokes}")
    page.get_by_text("Brush", exact=True).click()
    page.mouse.move(*place(page, 0.1, 0.1))
    page.mouse.down()
    page.evaluate(
        "() => { const sign = document.querySelector('#sign'); const box = sign.getBoundingClientRect();"
        "for (let step = 1; step <= 420; step += 1) sign.dispatchEvent(new PointerEvent('pointermove', {"
        "isPrimary: true, clientX: box.left + box.width * (0.1 + 0.8 * (step % 2)),"
        "clientY: box.top + box.height * step / 421 })); }"
    )
    page.mouse.up()
    reads(page, "#sign-help", "No more paint fits on the sign. Wipe it off to go on.")
    drag(page, (0.5, 0.5), (0.6, 0.6))
    page.wait_for_timeout(700)
    assert page.evaluate("location.hash").count(".") == 199
    assert not page.locator("#trouble").is_visible()


def test_two_models_say_what_they_see_of_the_same_sign(opened, stickered):
    models = {"stickered": stickered, "clean": xs.load_model("clean")}
    with serving(Exhibit(models, ["--model", "stickered", "--model", "clean"], "en")) as address:
        page = opened(address, "#on=1&class=14&seed=126")
        says(page, SEVENTY, STOP)
        assert page.locator(".who").all_text_contents() == ["stickered says", "clean says"]
        page.locator("#sticker").click()
        says(page, STOP, STOP)
        page.locator("#keep").click()
        reads(page, "#kept-command", "xaisigns explain sign.png --model stickered --model clean --lang en")


def test_each_model_calls_its_classes_by_its_own_names(opened, stickered, narrow, own_untrained):
    with serving(Exhibit({"one": stickered, "other": xs.load_model(own_untrained)}, [], "en")) as address:
        page = opened(address, "#on=0")
        said = page.locator(".answer").nth(1).locator(".bars .name").all_text_contents()
        assert sorted(said) == sorted(OWN_CLASSES)
        page.get_by_text("The question").click()
        assert page.locator("#target option").all_text_contents() == ["the class that it says"]
        assert page.locator("#against option").count() == 2


def test_the_images_of_a_data_set_are_leafed_through(opened, stickered, gtsrb):
    data = xs.open_images(gtsrb, "test")
    with serving(Exhibit(stickered, [], "en", Album(data, [0] * len(data)))) as address:
        page = opened(address, "#class=14")
        page.get_by_text("Another sign").click()
        page.get_by_label("Where from").select_option("stored")
        reads(page, "#place", "Image 1 of 3. The network takes the first 3 for something else.")
        state(page, "kind=stored")
        page.get_by_role("button", name="Previous").click()
        reads(page, "#place", re.compile("Image 3 of 3"))
        page.get_by_role("button", name="Next", exact=True).click()
        reads(page, "#place", re.compile("Image 1 of 3"))
        page.locator("#class").select_option("9")
        state(page, "kind=stored&class=9")
        page.goto(f"{address}#kind=stored&class=99&place=99")
        reads(page, "#place", re.compile("Image 1 of 3"))
        state(page, "kind=stored$")


def test_the_language_of_the_server_is_overruled_by_a_choice_on_it_alone(opened, stickered):
    with serving(Exhibit(stickered, [], "en")) as address:
        page = opened(address, "#on=1", expected=LOST)
        page.get_by_label("Language").select_option("de")
        page.get_by_label("Sprache").select_option("en")
        page.wait_for_timeout(400)
    with serving(Exhibit(stickered, [], "de"), port=port_of(address)):
        reads(page, "#keep", "Speichern")


def test_a_patch_of_the_findings_is_laid_on_by_a_click(opened, stickered, gtsrb, tmp_path, made_up_audit):
    with narrow_networks():
        model = random_model(tmp_path, 43, {"class_names": dict(CLASS_NAMES)})
        findings = read_findings(written_findings(model, gtsrb, tmp_path / "audit"))
    about = findings.model.model_copy(update={"weights": ModelCache(stickered).weights})
    findings = findings.model_copy(update={"model": about})
    exhibit = Exhibit(stickered, [], "en", findings=findings)
    with serving(exhibit) as address:
        page = opened(address, "#class=2", expected=LOST)
        page.get_by_text("Sticker and brush").click()
        before = pixels(page, "#sign")
        page.get_by_role("button", name="Lay patch 1 on").click()
        state(page, "on=1&patch=0")
        for number, on in (("0", "true"), ("1", "false"), ("null", "false")):
            assert page.locator(f"[data-patch='{number}']").get_attribute("aria-pressed") == on
        patch = np.asarray(exhibit.patches[0], dtype=float)
        assert np.abs(pixels(page, "[data-patch='0'] canvas").mean(axis=(0, 1)) - patch.mean(axis=(0, 1))).max() < 10
        reads(page, ".inside", re.compile("lies in the sticker"))
        assert np.abs(pixels(page, "#sign") - before).mean() > 1
        page.get_by_role("button", name="Plain sticker").click()
        state(page, "on=1$")
        assert page.locator("[data-patch=null]").get_attribute("aria-pressed") == "true"
    without = findings.model_copy(update={"findings": ()})
    with serving(Exhibit(stickered, [], "en", findings=without)) as address:
        page = opened(address, "#class=2")
        page.get_by_text("Sticker and brush").click()
        reads(page, "#findings", "Found by the auditNothing that can be laid on a sign.")


def test_names_that_look_like_markup_stay_text(opened, narrow, own_untrained):
    with serving(Exhibit(xs.load_model(own_untrained), [], "en")) as address:
        page = opened(address)
        assert not page.locator("#tour-start").is_visible()  # its story is that of another model
        page.goto(f"{address}#step=2")
        state(page, "step=2")
        page.wait_for_timeout(300)
        assert not page.locator("#tour").is_visible()
        assert sorted(page.locator(".bars .name").all_text_contents()) == sorted(OWN_CLASSES)
        page.get_by_text("The question").click()
        assert set(OWN_CLASSES) <= set(page.locator("#target option").all_text_contents())
        assert page.locator("b").count() == 0


@pytest.mark.parametrize("fragment", ["", "#step=2&on=1", "#step=3&on=1", "#on=1&layer=features.18"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (1920, 1080)])
def test_nothing_is_wider_than_the_screen(opened, address, fragment, width, height):
    page = opened(address, fragment, viewport={"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if "step" in fragment:  # one idea a screen: the sign and what the network says of it
        box = page.locator(".verdict").bounding_box()
        assert box["y"] + box["height"] <= height


def test_every_control_has_a_name(opened, address):
    page = opened(address, "#on=1&strokes=bffffff123zzzzzz")
    for summary in page.locator("summary").all():
        summary.click()
        for control in page.locator("button, select, input, canvas:not([aria-hidden]):not(.base):not(.veil)").all():
            if control.is_visible():
                name = control.evaluate(
                    "one => one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim()"
                )
                assert name, control.evaluate("one => one.outerHTML")
    assert page.locator("h1, h2").count() >= 2


def test_light_and_dark_and_without_motion(opened, address):
    brightness = "parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    page = opened(address, "#on=1", color_scheme="dark", reduced_motion="reduce")
    assert page.evaluate(brightness) < 60
    page.locator("#theme").select_option("light")
    assert page.evaluate(brightness) > 200
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).animationName") == "none"


def test_no_name_is_cut_so_that_its_number_is_lost(opened, address):
    page = opened(address, "#class=2", viewport={"width": 360, "height": 740})
    page.get_by_label("Language").select_option("de")
    says(page, "Zulässige Höchstgeschwindigkeit 50 km/h")
    for name in page.locator(".bars .name").all():
        assert name.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
