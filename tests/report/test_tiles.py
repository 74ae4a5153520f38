"""Tiles: one size, one scale a method, and colours that mean what the reader is told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.report.contents import bare_report, example, halves, heatmaps, photo, small_report
from xaisigns.pictures.figures import coloured
from xaisigns.report.content import Mean, Section
from xaisigns.report.tiles import highlight_tiles, section_grid, tile_side

RED, WHITE, BLUE = [255, 0, 0], [255, 255, 255], [0, 0, 255]


def test_colours_end_at_the_limit():
    values = np.array([[3.0, 1.0, 0.0, -1.0, -7.0]])
    assert coloured(values, 1).tolist() == [[RED, RED, WHITE, BLUE, BLUE]]


@given(arrays(np.float64, (3, 3), elements=st.floats(-2, 2)))
def test_red_is_for_and_blue_against(values):
    red, green, blue = coloured(values, 1.0).astype(int).transpose(2, 0, 1)
    np.testing.assert_allclose(green, 255 * (1 - np.abs(values).clip(0, 1)), atol=3)
    assert (red[values >= 0] >= 254).all()
    assert (blue[values <= 0] >= 254).all()
    np.testing.assert_array_equal(coloured(-values, 1.0)[..., ::-1], coloured(values, 1.0))


def test_all_rows_of_a_method_have_one_scale_and_the_mean_its_own():
    strong, weak = halves(), halves() / 2
    section = Section(
        0,
        (example(heatmaps={"lrp": strong}), example(heatmaps={"lrp": weak, "saliency": weak})),
        Mean(2, photo(), {"lrp": weak}),
    )
    grid = section_grid(section, ["lrp", "saliency"], 16)
    assert grid.images.shape == (3, 16, 16, 3)
    assert grid.heatmaps.shape == (3, 2, 16, 16, 3)
    assert grid.limits == {"lrp": 1.0, "saliency": 0.5}
    corner = grid.heatmaps[:, :, 0, 0].tolist()
    assert corner[0] == [RED, [238] * 3]  # no heatmap of saliency
    assert corner[1][0] == pytest.approx([255, 127, 127], abs=3)
    assert corner[1][1] == RED
    assert corner[2][0] == RED


def test_a_section_without_rows_or_methods_has_no_tiles():
    assert section_grid(Section(0), ["lrp"], 16).heatmaps.shape == (0, 1, 16, 16, 3)
    assert section_grid(Section(0, (example(),)), [], 16).heatmaps.shape == (1, 0, 16, 16, 3)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (5, 9), (200, 120), (1, 1)])
def test_images_of_every_size_become_squares(height, width):
    section = Section(0, (example(image=np.full((height, width, 3), (10, 20, 30), np.uint8)),))
    grid = section_grid(section, ["lrp"], 16)
    assert grid.images.shape == (1, 16, 16, 3)
    assert (grid.images == (10, 20, 30)).all()


@pytest.mark.parametrize("side", [2, 8, 16, 64])
def test_heatmaps_of_every_size_keep_their_places(side):
    grid = section_grid(Section(0, (example(heatmaps={"lrp": halves(side)}),)), ["lrp"], 16)
    assert (grid.heatmaps[0, 0, :, :8] == RED).all()
    assert (grid.heatmaps[0, 0, :, 8:] == BLUE).all()


def test_tiles_are_as_large_as_the_largest_heatmap_up_to_a_bound():
    assert tile_side(small_report()) == 16
    assert tile_side(small_report(sections=(Section(0, (example(heatmaps=heatmaps(224)),)),))) == 128
    assert tile_side(bare_report()) == 64


def test_a_highlight_shows_the_image_the_heatmap_and_both():
    highlight = replace(small_report().highlights[0], image=np.full((16, 16, 3), 100, np.uint8))
    image, heatmap, both = highlight_tiles(highlight, 16)
    assert (image == 100).all()
    assert (heatmap[:, :8] == RED).all()
    assert (both[:, :7] == RED).all()


def test_the_content_is_left_as_it_was():
    content = small_report()
    before = [one.heatmaps["lrp"].copy() for one in content.sections[0].examples]
    section_grid(content.sections[0], ["lrp"], 8)
    for one, heatmap in zip(content.sections[0].examples, before, strict=True):
        np.testing.assert_array_equal(one.heatmaps["lrp"], heatmap)
