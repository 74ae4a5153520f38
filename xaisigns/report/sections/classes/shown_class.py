"""A class of a report: its examples in the order of their rows, and what was measured on it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xaisigns.report.heatmaps import Heatmaps, Pixels, scale_limits
from xaisigns.report.measured import Mean
from xaisigns.report.scores import Scores
from xaisigns.report.sections.classes.choice import Kind
from xaisigns.report.tiles import Grid, heatmap_row, image_tile, stacked


@dataclass(frozen=True, eq=False)
class Example:
    """An image ``(H, W, 3)`` of a class, what it was called, and a heatmap ``(h, w)`` for each method's key.

    The heatmaps ask what spoke for ``called``, and ``probability`` is its own. Images of any size are shown as the
    square that the model sees. On a sticker lies ``on_sticker`` of the first method's positive relevance, and it covers
    ``covered`` of the image, both in 0..1; None where there is no sticker, or nothing positive.
    """

    kind: Kind
    image: Pixels
    heatmaps: Heatmaps
    called: int
    probability: float
    on_sticker: float | None = None
    covered: float | None = None


@dataclass(frozen=True, eq=False)
class ShownClass:
    """A class: its examples in the order of their rows, and what was measured on it.

    ``inside`` is each method's mean share of the positive relevance that lies inside the sign, in 0..1.
    """

    id: int
    examples: tuple[Example, ...] = ()
    mean: Mean | None = None
    inside: Mapping[str, float] = field(default_factory=dict)
    scores: Scores = field(default_factory=dict)

    @cached_property
    def limits(self) -> dict[str, float]:
        """Where each method's scale ends, one for all examples; the mean has its own."""
        return scale_limits([one.heatmaps for one in self.examples])

    def rows(self) -> list[Heatmaps]:
        """The heatmaps of the examples, and of the mean if there is one."""
        return [one.heatmaps for one in self.examples] + ([self.mean.heatmaps] if self.mean else [])


def class_grid(shown: ShownClass, methods: Sequence[str], side: int, controls: Container[str] = ()) -> Grid:
    """Tiles of all examples, each method's on one scale, and of the mean on scales of its own."""
    images = [image_tile(one.image, side) for one in shown.examples]
    rows = [heatmap_row(one.heatmaps, shown.limits, methods, side, controls) for one in shown.examples]
    if shown.mean:
        images.append(image_tile(shown.mean.image, side))
        rows.append(heatmap_row(shown.mean.heatmaps, shown.mean.limits, methods, side, controls))
    shape = (len(rows), len(methods), side, side, 3)
    return Grid(stacked(images, (len(rows), side, side, 3)), stacked(rows, shape))
