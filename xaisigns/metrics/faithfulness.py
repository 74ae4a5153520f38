"""Does the network rely on what the relevance names? Change it, and see what the network says."""

from collections.abc import Callable
from math import ceil
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from xaisigns.attribution.targets import Target
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MetricError
from xaisigns.metrics.batches import check_relevance, checked, logits, pairs
from xaisigns.metrics.heatmap import flat_heatmap, most_relevant_first, nan_unless, seeded
from xaisigns.metrics.settings import Precision, check_positive, check_precision, check_samples, check_whole

Order = Literal["most", "least"]
Filling = Literal["mean", "blur", "noise"]


@own_torch_state()
def pixel_flipping(
    model: nn.Module,
    x: Tensor,
    relevance: Tensor,
    target: Target,
    *,
    order: Order = "most",
    steps: int = 16,
    filling: Filling = "mean",
    seed: int = 0,
    precision: Precision = "full",
) -> Tensor:
    """Probability of the target while ever more pixels are replaced, ``(N, steps + 1)`` in [0, 1].

    The most (or least) relevant pixels of the heatmap go first, all channels of a pixel together, ties in a random
    order; column k has k / steps of the pixels replaced, the first column none and the last all. They are replaced by
    the image's own mean colour (``mean``), by the image blurred with a standard deviation of a sixteenth of its shorter
    side (``blur``), or by normal noise of the image's own mean and standard deviation in each channel (``noise``).

    With ``precision`` "bf16" the network computes with bfloat16 (autocast), in a third of the time where the device has
    it. ``x`` is ``(N, C, H, W)``, ``relevance`` of the same N, H and W in any unit, ``target`` one class id or
    ``(N,)``. NaN for an image whose relevance is not finite. Raises ShapeError when these do not belong together,
    MetricError for settings that do not exist. Sources: [bach2015pixel], [samek2017evaluating]. Quantus flips channel
    values one by one and leaves the first column out.
    """
    x, targets = checked(model, x, target)
    check_relevance(x, relevance)
    flat, finite = flat_heatmap(relevance)
    place = _places(flat, order, seed)
    check_whole("steps", steps, 1, place.shape[1])
    check_filling(filling)
    check_precision(precision)
    # On the CPU: every device gets the same pixels, and MPS has no float64.
    filled = _FILLINGS[filling](x.cpu().double(), seed).to(x.dtype).to(x.device)
    counts = torch.linspace(0, place.shape[1], steps + 1, dtype=torch.float64).round()
    parts = []
    for image, step in pairs(len(x), steps + 1):
        replaced = (place[image] < counts[step, None]).unflatten(1, x.shape[-2:]).to(x.device)
        probabilities = logits(model, torch.where(replaced[:, None], filled[image], x[image]), precision).softmax(dim=1)
        parts.append(probabilities.gather(1, targets[image, None]))
    return nan_unless(finite[:, None], torch.cat(parts).view(len(x), steps + 1), relevance)


def check_filling(filling: str) -> None:
    """Raise MetricError for what flipped pixels cannot become."""
    if not isinstance(filling, str) or filling not in _FILLINGS:
        raise MetricError(f"filling must be one of {', '.join(_FILLINGS)}; got {filling!r}")


def deletion(most: Tensor) -> Tensor:
    """Area under the curve of flipping the most relevant pixels first, ``(N,)`` in [0, 1]; low is better.

    ``most`` is ``(N, steps + 1)`` of pixel_flipping; its share of pixels is the unit of width. Source:
    [petsiuk2018rise].
    """
    return torch.trapezoid(most, dim=1) / (most.shape[1] - 1)


def insertion(least: Tensor) -> Tensor:
    """Area under the curve of putting in the most relevant pixels first, ``(N,)`` in [0, 1]; high is better.

    ``least`` is ``(N, steps + 1)`` of pixel_flipping with the least relevant first: read backwards, it puts in the most
    relevant pixels first, and has the same area. Source: [petsiuk2018rise].
    """
    return torch.trapezoid(least, dim=1) / (least.shape[1] - 1)


def flipping_area(most: Tensor, least: Tensor) -> Tensor:
    """Area between the two curves of pixel_flipping, ``(N,)`` in [-1, 1]; high is better.

    An uninformed order gets 0 on average, a flat heatmap exactly. It depends less than either curve
    alone on how much the filling by itself disturbs the network [samek2017evaluating].
    """
    return insertion(least) - deletion(most)


@own_torch_state()
def infidelity(
    model: nn.Module,
    x: Tensor,
    relevance: Tensor,
    target: Target,
    *,
    samples: int = 32,
    noise: float = 0.2,
    seed: int = 0,
) -> Tensor:
    """How far the relevance is from predicting what small changes do to the logit, ``(N,)`` in squared logits, from 0.

    Mean over random changes u of (sum of u R - (f(x) - f(x - u x)))^2, where u is normal with the standard deviation
    ``noise``, one number for all channels of a pixel. That is the infidelity of [yeh2019infidelity] for the
    perturbation I = u x and the sensitivity R / x, since relevance is in units of the logit; a linear network's input x
    gradient has 0. Quantus takes ``relevance`` as the sensitivity itself, and sets square patches to a fixed value,
    never undoing the ones before.

    ``x`` is ``(N, C, H, W)``, ``relevance`` of the same N, H and W, ``target`` one class id or ``(N,)``. NaN for an
    image whose relevance is not finite. Raises ShapeError when these do not belong together, MetricError for an
    impossible number of samples or noise.
    """
    x, targets = checked(model, x, target)
    check_relevance(x, relevance)
    check_samples(samples, x[0, 0].numel())
    check_positive("noise", noise)
    flat, finite = flat_heatmap(relevance)
    change = noise * torch.randn(samples, 1, *x.shape[-2:], generator=seeded(seed), dtype=x.dtype)
    errors = []
    before = torch.cat([_logit(model, x[image], targets[image]) for image, _ in pairs(len(x), 1)])
    for image, sample in pairs(len(x), samples):
        after = _logit(model, x[image] * (1 - change[sample].to(x.device)), targets[image])
        predicted = (change[sample].flatten(1) * flat[image]).sum(dim=1)
        errors.append((predicted - (before[image] - after)) ** 2)
    return nan_unless(finite, torch.cat(errors).view(len(x), samples).mean(dim=1), relevance)


def _logit(model: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    return logits(model, x).gather(1, targets[:, None]).squeeze(1)


def _places(flat: Tensor, order: Order, seed: int) -> Tensor:
    """When the turn of each pixel of a heatmap ``(N, H W)`` comes, from 0, in the same shape."""
    if order not in ("most", "least"):
        raise MetricError(f"order must be most or least, got {order!r}")
    first = most_relevant_first(flat if order == "most" else -flat, seed)
    return torch.empty_like(first).scatter_(1, first, torch.arange(flat.shape[1]).expand_as(first))


def _mean_colour(x: Tensor, _: int) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True).expand_as(x)


def _blurred(x: Tensor, _: int) -> Tensor:
    if min(x.shape[-2:]) < 2:
        raise MetricError(f"only an image of 2 x 2 pixels or more can be blurred, got {tuple(x.shape[-2:])}")
    deviation = min(x.shape[-2:]) / 16
    size = 2 * ceil(3 * deviation) + 1
    blurred: Tensor = gaussian_blur(x, [size, size], [deviation, deviation])
    return blurred


def _noise(x: Tensor, seed: int) -> Tensor:
    drawn = torch.randn(x.shape[1:], generator=seeded(seed), dtype=x.dtype)
    return x.mean(dim=(2, 3), keepdim=True) + x.std(dim=(2, 3), keepdim=True) * drawn


_FILLINGS: dict[str, Callable[[Tensor, int], Tensor]] = {"mean": _mean_colour, "blur": _blurred, "noise": _noise}
