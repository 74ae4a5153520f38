"""What a visitor does on the page in a browser, and sees of it."""

import io
import re
import time
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

import xaisigns as xs

FIFTY, SEVENTY, STOP = "Speed limit 50 km/h", "Speed limit 70 km/h", "Stop"
LOST = r"WebSocket connection to .* failed|ERR_CONNECTION_REFUSED"


def port_of(address):
    return urlsplit(address).port


def says(page, *names):
    """Waits until the models say this."""
    from playwright.sync_api import expect

    expect(page.locator(".verdict")).to_have_text(list(names), timeout=10_000)


def reads(page, selector, text):
    from playwright.sync_api import expect

    expect(page.locator(selector).first).to_have_text(text, timeout=10_000)


def place(page, x, y):
    """A place on the sign in pixels of the page."""
    box = page.locator("#sign").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, start, end, steps=12):
    page.mouse.move(*place(page, *start))
    page.mouse.down()
    page.mouse.move(*place(page, *end), steps=steps)
    page.mouse.up()


def state(page, pattern):
    """Waits until the address says this."""
    from playwright.sync_api import expect

    expect(page).to_have_url(re.compile(f"#.*{pattern}"), timeout=10_000)


def pixels(page, selector):
    shot = page.locator(selector).first.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)


def yellow(page):
    """How many pixels of the sign are of the colour of the knob."""
    return (np.abs(pixels(page, "#sign") - (255, 212, 0)).max(axis=2) < 40).sum()


def picture(width, height, kind="PNG"):
    buffer = io.BytesIO()
    xs.draw_sign(14, 128, 126).image.resize((width, height)).save(buffer, kind)
    return buffer.getvalue()


def comes_true(page, expression):
    """Waits as ``page.wait_for_function`` does, which the page's own policy forbids to evaluate a text."""
    end = time.monotonic() + 10
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)
