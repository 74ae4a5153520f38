"""What a model says about images, computed once and kept."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.cache import digest_of
from xaisigns.base.progress import Progress, silent
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable
from xaisigns.study.store import Arrays, Store


def kept_predictions(
    model: Explainable, pixels: NDArray[np.uint8], store: Store | None = None, progress: Progress = silent
) -> NDArray[np.float32]:
    """Logits ``(N, classes)`` of decoded images ``(N, S, S, 3)`` uint8, kept in the model's ``store``.

    Raises ModelError as ``predict`` does.
    """

    def make() -> Arrays:
        return {"logits": predict(model, pixels, progress).numpy()}

    logits: NDArray[np.float32] = (store or Store(model)).recall("predictions", [digest_of(pixels)], make)["logits"]
    return logits
