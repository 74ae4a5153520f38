"""Attributions from what happens to the logit when parts of the image are gone, by Captum.

Same signature as in ``gradients``, and the same baseline: a part that is gone has the mean pixel. The heatmap is in
units of the logit, the same for every pixel of a part; relevance is ``(N, 1, H, W)``.
"""

from typing import TYPE_CHECKING

from xaisigns.attribution.options import BATCH, Count, Pixels, PixelsIfAny, Seed
from xaisigns.errors import MethodError

if TYPE_CHECKING:
    from torch import Tensor, nn


_WINDOW = 3 / 16  # of the shorter side


def occlusion(
    network: "nn.Module", images: "Tensor", target: "Tensor", *, window: PixelsIfAny = 0, stride: PixelsIfAny = 0
) -> "Tensor":
    """How much the logit falls when a square window hides the pixel, on average over the windows that do.

    A ``window`` of 0 takes 3/16 of the shorter side, and the stride at least; a ``stride`` of 0 half of the window:
    about a hundred windows, however large the image is.
    """
    from captum.attr import Occlusion

    channels, *sides = images.shape[1:]
    window = window or max(1, stride, round(_WINDOW * min(sides)))
    stride = stride or max(1, window // 2)
    if window > min(sides) or stride > window:
        raise MethodError(
            f"the window must fit into the image of {sides[0]} x {sides[1]} and the stride into the window; "
            f"got window={window} and stride={stride}"
        )
    relevance: Tensor = Occlusion(network).attribute(
        images.detach(),
        (channels, window, window),
        strides=(channels, stride, stride),
        target=target,
        perturbations_per_eval=_perturbations(images),
    )
    return relevance[:, :1]


def feature_ablation(network: "nn.Module", images: "Tensor", target: "Tensor", *, segments: Pixels = 50) -> "Tensor":
    """How much the logit falls when the pixel's superpixel (SLIC) is hidden."""
    from captum.attr import FeatureAblation

    relevance: Tensor = FeatureAblation(network).attribute(
        images.detach(),
        target=target,
        feature_mask=_superpixels(images, segments),
        perturbations_per_eval=_perturbations(images),
    )
    return relevance[:, :1]


def kernel_shap(
    network: "nn.Module",
    images: "Tensor",
    target: "Tensor",
    *,
    segments: Pixels = 50,
    samples: Count = 200,
    seed: Seed = 0,
) -> "Tensor":
    """The superpixels' (SLIC) Shapley values, estimated from random sets of them that are hidden."""
    import torch
    from captum.attr import FeatureAblation, KernelShap

    from xaisigns.attribution.captum_state import seeded

    parts = _superpixels(images, segments)
    rows = []
    for image, class_id, mask in zip(images.detach().split(1), target.split(1), parts.split(1), strict=True):
        if not mask.any():
            # One superpixel has the whole difference; Captum samples sets of at least two.
            rows.append(FeatureAblation(network).attribute(image, target=class_id, feature_mask=mask))
            continue
        with seeded(seed), torch.no_grad():
            rows.append(
                KernelShap(network).attribute(
                    image, target=class_id, feature_mask=mask, n_samples=samples, perturbations_per_eval=BATCH
                )
            )
    return torch.cat(rows)[:, :1].to(images)


def _perturbations(images: "Tensor") -> int:
    return max(1, BATCH // len(images))


def _superpixels(images: "Tensor", segments: int) -> "Tensor":
    """About ``segments`` superpixels of each image, numbered from 0, ``(N, 1, H, W)`` [achanta2012slic]."""
    import numpy as np
    import torch
    from skimage.segmentation import slic

    masks = []
    for image in images.detach():
        pixels = image.permute(1, 2, 0).cpu().double().numpy()
        low, high = pixels.min(), pixels.max()
        found = slic((pixels - low) / ((high - low) or 1.0), n_segments=segments, start_label=0, channel_axis=-1)
        _, numbered = np.unique(found, return_inverse=True)
        masks.append(torch.from_numpy(numbered.reshape(found.shape)))
    return torch.stack(masks)[:, None].to(images.device)
