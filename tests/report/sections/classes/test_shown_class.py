"""The tiles of a class: one scale a method, the mean with its own."""

import numpy as np
import pytest

from tests.report.contents import example, halves, photo, small_report
from xaisigns.report.measured import Mean
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.classes.shown_class import ShownClass, class_grid

RED, BLUE = [255, 0, 0], [0, 0, 255]


def test_all_rows_of_a_method_have_one_scale_and_the_mean_its_own():
    strong, weak = halves(), halves() / 2
    shown = ShownClass(
        0,
        (example(heatmaps={"lrp": strong}), example(heatmaps={"lrp": weak, "saliency": weak})),
        Mean(2, photo(), {"lrp": weak}),
    )
    grid = class_grid(shown, ["lrp", "saliency"], 16)
    assert grid.images.shape == (3, 16, 16, 3)
    assert grid.heatmaps.shape == (3, 2, 16, 16, 3)
    assert shown.limits == {"lrp": 1.0, "saliency": 0.5}
    assert shown.mean.limits == {"lrp": 0.5}
    corner = grid.heatmaps[:, :, 0, 0].tolist()
    assert corner[0] == [RED, [238] * 3]  # no heatmap of saliency
    assert corner[1][0] == pytest.approx([255, 127, 127], abs=3)
    assert corner[1][1] == RED
    assert corner[2][0] == RED


def test_a_section_without_rows_or_methods_has_no_tiles():
    assert class_grid(ShownClass(0), ["lrp"], 16).heatmaps.shape == (0, 1, 16, 16, 3)
    assert class_grid(ShownClass(0, (example(),)), [], 16).heatmaps.shape == (1, 0, 16, 16, 3)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (5, 9), (200, 120), (1, 1)])
def test_images_of_every_size_become_squares(height, width):
    shown = ShownClass(0, (example(image=np.full((height, width, 3), (10, 20, 30), np.uint8)),))
    grid = class_grid(shown, ["lrp"], 16)
    assert grid.images.shape == (1, 16, 16, 3)
    assert (grid.images == (10, 20, 30)).all()


@pytest.mark.parametrize("side", [2, 8, 16, 64])
def test_heatmaps_of_every_size_keep_their_places(side):
    grid = class_grid(ShownClass(0, (example(heatmaps={"lrp": halves(side)}),)), ["lrp"], 16)
    assert (grid.heatmaps[0, 0, :, :8] == RED).all()
    assert (grid.heatmaps[0, 0, :, 8:] == BLUE).all()


def test_the_content_is_left_as_it_was():
    content = small_report()
    before = [one.heatmaps["lrp"].copy() for one in content.section(Classes).classes[0].examples]
    class_grid(content.section(Classes).classes[0], ["lrp"], 8)
    for one, heatmap in zip(content.section(Classes).classes[0].examples, before, strict=True):
        np.testing.assert_array_equal(one.heatmaps["lrp"], heatmap)
