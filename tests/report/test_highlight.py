"""The example signs' tiles."""

from dataclasses import replace

import numpy as np

from tests.report.contents import small_report
from xaisigns.report.highlight import highlight_grids, highlight_tiles
from xaisigns.report.sections.front import Front

RED = [255, 0, 0]


def test_a_highlight_shows_the_image_the_heatmap_and_both():
    highlight = replace(small_report().section(Front).highlights[0], image=np.full((16, 16, 3), 100, np.uint8))
    image, heatmap, both = highlight_tiles(highlight, 16)
    assert (image == 100).all()
    assert (heatmap[:, :8] == RED).all()
    assert (both[:, :7] == RED).all()


def test_each_has_a_grid_of_its_own():
    highlights = small_report().section(Front).highlights * 2
    assert [(name, grid.images, grid.heatmaps.shape) for name, grid in highlight_grids(highlights)] == [
        (f"highlight-{number}", None, (1, 3, 16, 16, 3)) for number in range(2)
    ]
