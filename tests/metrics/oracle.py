"""Quantus on the same model, images, attributions and masks: the reference that our scores have to equal."""

import contextlib
import io
import warnings

import numpy as np
import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import quantus


def quantus_scores(
    metric: str,
    model: nn.Module | None,
    x: Tensor,
    target: Tensor,
    *,
    relevance: Tensor | None = None,
    mask: Tensor | None = None,
    explain=None,
    softmax: bool = False,
    batch_size: int = 64,
    **settings,
):
    """What Quantus' metric of this name gives, as it comes for a dictionary, else as a float64 tensor.

    Relevance is given as it is, without magnitudes and normalisation unless ``settings`` ask for them. Quantus makes
    its tensors in the default dtype, which is set to that of the images meanwhile.
    """
    given = {"abs": False, "normalise": False, "disable_warnings": True, **settings}
    dtype, state = torch.get_default_dtype(), torch.random.get_rng_state()
    try:
        torch.set_default_dtype(x.dtype)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            scores = getattr(quantus, metric)(**given)(
                model=model,
                x_batch=x.numpy(),
                y_batch=target.numpy(),
                a_batch=None if relevance is None else relevance.numpy(),
                s_batch=None if mask is None else mask[:, None].numpy(),
                channel_first=True,
                explain_func=explain,
                softmax=softmax,
                batch_size=batch_size,
            )
    finally:
        torch.set_default_dtype(dtype)
        torch.random.set_rng_state(state)
    return scores if isinstance(scores, dict) else torch.from_numpy(np.array(scores, dtype=np.float64))


def explainer(attribute):
    """The attribution as Quantus calls it: arrays in, heatmaps ``(N, 1, H, W)`` out."""

    def explain(model, inputs, targets, **_):
        relevance = attribute(model, torch.from_numpy(inputs), torch.from_numpy(targets))
        return relevance.sum(dim=1, keepdim=True).numpy()

    return explain
