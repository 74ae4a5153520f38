"""How to unlearn: what a fine-tuning is told."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from xaisigns.model.schema import BatchSize, LearningRate, Seed, Share, check

Steps = Annotated[int, Field(strict=True, ge=1, le=100_000, description="a whole number from 1 to 100000")]


@dataclass(frozen=True)
class FineTuning:
    """How to unlearn: ``steps`` of ``batch_size`` images, at a rate that rises to ``learning_rate`` and falls again.

    Of a batch ``of_class`` are images of the feature's class, of these ``hidden_in_class`` with the feature hidden; of
    the images of other classes ``pasted`` get the feature, and ``hidden`` have a part like it hidden, so that what is
    filled speaks for no class. Raises ModelError for settings out of bounds.
    """

    steps: Steps = 600
    batch_size: BatchSize = 96
    learning_rate: LearningRate = 0.2
    weight_decay: Share = 5e-4
    label_smoothing: Share = 0.05
    of_class: Share = 1 / 6
    hidden_in_class: Share = 1 / 2
    pasted: Share = 1 / 2
    hidden: Share = 1 / 8
    seed: Seed = 0

    def __post_init__(self) -> None:
        check(self)
