"""Films the live page for the README: `python -m tests.live.filming docs/images/live.webp`.

A hand that is not seen drags the sticker over the 50 and back, and over the stop sign.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

import xaisigns as xs
from tests.browsers import launched
from tests.live.served import serving
from xaisigns.live.exhibit import Exhibit

VIEW = {"width": 900, "height": 540}
SCENES = ("#x=0.15&y=0.15&on=1", "#class=14&seed=126&x=0.15&y=0.15&on=1")
_LOOK = (
    "header, #sign-help, .tools, #panels, .strength, .scale, .asked, .inside { display: none !important }"
    ".flip { min-height: 3.2em } .answer h3 { margin-top: 0.6rem } .maps { max-width: 19rem !important }"
)
_STEPS = 14
_QUALITY = 70


def film(path: Path) -> None:
    """Write the animation, which goes on and on."""
    with serving(Exhibit(xs.load_model("stickered"), [], "en")) as address, launched() as browser:
        page = browser.new_page(viewport=VIEW)
        frames, times = [], []
        for scene in SCENES:
            page.goto("about:blank")
            page.goto(address + scene)
            page.wait_for_selector("body[data-answer]")
            page.evaluate(
                "look => { const s = new CSSStyleSheet(); s.replaceSync(look); document.adoptedStyleSheets = [s]; }",
                _LOOK,
            )
            for place, milliseconds in dragging(page):
                frames.append(place)
                times.append(milliseconds)
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, quality=_QUALITY, method=6)


def dragging(page: Page):
    """Frames with their milliseconds: to the lower left of the sign, a rest, and a little back."""
    box = page.locator("#sign").bounding_box()
    at = (0.15, 0.15)
    page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
    page.mouse.down()
    yield shot(page), 900
    for end, rest in (((0.4, 0.64), 1800), ((0.7, 0.3), 700), ((0.4, 0.64), 1500)):
        begin = at
        for step in range(1, _STEPS + 1):
            at = tuple(a + (b - a) * step / _STEPS for a, b in zip(begin, end, strict=True))
            before = page.evaluate("document.body.dataset.answer")
            page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
            page.wait_for_function("before => document.body.dataset.answer !== before", arg=before)
            yield shot(page), rest if step == _STEPS else 90
    page.mouse.up()


def shot(page: Page) -> Image.Image:
    """What is to be seen now."""
    page.wait_for_timeout(80)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    film(Path(sys.argv[1]))
