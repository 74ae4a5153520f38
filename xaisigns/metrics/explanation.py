"""What metrics measure: images, a method's relevance for them, and what it takes to ask the method again."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from xaisigns.errors import MetricError
from xaisigns.metrics.batches import Attribute
from xaisigns.metrics.faithfulness import Filling, Order, pixel_flipping
from xaisigns.metrics.localisation import grown
from xaisigns.metrics.randomisation import Cascade, Similarity, cascading_randomisation, random_logit
from xaisigns.metrics.settings import Precision


@dataclass(frozen=True, eq=False)
class Explanation:
    """Images ``(N, C, H, W)`` and the relevance of each, of the same shape, for its ``target`` ``(N,)``.

    ``known_masks`` ``(N, H, W)`` bool say what should be pointed at, None where that is not known. ``model`` is the
    network, and ``attribute(model, images, target)`` asks the method again, about any images. ``steps`` and
    ``filling`` are for pixel flipping, ``seed`` for whatever a metric draws; ``precision`` is what the network computes
    with in pixel flipping and robustness. The properties are computed once, however
    many metrics need them.
    """

    model: nn.Module
    images: Tensor
    target: Tensor
    relevance: Tensor
    attribute: Attribute
    known_masks: Tensor | None = None
    steps: int = 16
    filling: Filling = "mean"
    seed: int = 0
    precision: Precision = "full"

    @property
    def masks(self) -> Tensor:
        """What should be pointed at, ``(N, H, W)`` bool. Raises MetricError where it is not known."""
        if self.known_masks is None:
            raise MetricError("nothing tells where in these images to look: register the metric with needs_masks=True")
        return self.known_masks

    @cached_property
    def grown_masks(self) -> Tensor:
        """The masks grown by 2 pixels."""
        return grown(self.masks)

    @cached_property
    def most_relevant_flipped(self) -> Tensor:
        """Probability of the target while the most relevant pixels are replaced first, ``(N, steps + 1)``."""
        return self._flipped("most")

    @cached_property
    def least_relevant_flipped(self) -> Tensor:
        """Probability of the target while the least relevant pixels are replaced first, ``(N, steps + 1)``."""
        return self._flipped("least")

    @cached_property
    def randomised_layers(self) -> Cascade:
        """Similarity to the original heatmaps while layer after layer loses its weights."""
        return cascading_randomisation(self.attribute, self.model, self.images, self.target, seed=self.seed)

    @cached_property
    def another_class(self) -> Similarity:
        """Similarity to the heatmaps of another class, drawn at random."""
        return random_logit(self.attribute, self.model, self.images, self.target, seed=self.seed)

    def _flipped(self, order: Order) -> Tensor:
        return pixel_flipping(
            self.model,
            self.images,
            self.relevance,
            self.target,
            order=order,
            steps=self.steps,
            filling=self.filling,
            seed=self.seed,
            precision=self.precision,
        )
