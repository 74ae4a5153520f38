"""One finding as a picture."""

import matplotlib as mpl
import numpy as np
import pytest

from xaisigns.audit.finding_figure import finding_figure
from xaisigns.audit.picture_rows import picture_rows


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_all_pictures_are_drawn_with_their_frames(shortcut):
    figure = finding_figure(shortcut, "70", "en")
    tiles = [tile for row in picture_rows(shortcut, "en") for tile in row.tiles]
    *axes, chart = figure.axes
    assert len(axes) == len(tiles)
    for one, tile in zip(axes, tiles, strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), tile.pixels)
        assert len(one.patches) == bool(tile.box)
        if tile.box:
            left, top, right, bottom = tile.box
            assert one.patches[0].get_bbox().bounds == (left - 0.5, top - 0.5, right - left, bottom - top)
    assert len(chart.patches) == 7
    assert texts(figure)[0] == "70 (0): shortcut"
    assert texts(figure)[1].startswith("Of images that show something else, 46.0% become “70” once a patch")


def test_a_finding_without_pictures_is_a_chart(lost):
    figure = finding_figure(lost, "70", "de")
    assert len(figure.axes) == 1
    assert texts(figure)[0] == "70 (2): funktioniert nur mit etwas, das hier fehlt"


@pytest.mark.parametrize("name", ["$x^2$ \x1b[2J \u202e", "W" * 300])
def test_a_hostile_name_is_drawn_as_it_is_within_the_picture(shortcut, name):
    figure = finding_figure(shortcut, name, "en")
    figure.draw_without_rendering()
    assert not [text for text in texts(figure) if "\x1b" in text]
    width = figure.bbox.width
    assert all(text.get_window_extent().x1 <= width for text in figure.texts)


def test_everything_written_lies_within_the_picture(shortcut, suspicion):
    for language in ("de", "en"):
        for found in (shortcut, suspicion):
            figure = finding_figure(found, "Zulässige Höchstgeschwindigkeit 70 km/h", language)
            figure.draw_without_rendering()
            written = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
            for text in written:
                box = text.get_window_extent()
                assert (box.x0 >= 0, box.x1 <= figure.bbox.width) == (True, True), text


def test_the_callers_settings_stay_as_they_are(shortcut):
    before = dict(mpl.rcParams)
    finding_figure(shortcut, "70", "en")
    assert dict(mpl.rcParams) == before
