"""What a model says about images, computed once and kept."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.cache import digest_of
from xaisigns.base.progress import Progress, silent
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable
from xaisigns.study.model_cache import Arrays, ModelCache


def kept_predictions(
    model: Explainable, pixels: NDArray[np.uint8], cache: ModelCache | None = None, progress: Progress = silent
) -> NDArray[np.float32]:
    """Logits ``(N, classes)`` of decoded images ``(N, S, S, 3)`` uint8, kept in the model's ``cache``.

    Raises ModelError as ``predict`` does.
    """

    def make() -> Arrays:
        return {"logits": predict(model, pixels, progress).numpy()}

    logits: NDArray[np.float32] = (cache or ModelCache(model)).recall("predictions", [digest_of(pixels)], make)[
        "logits"
    ]
    return logits
