"""Does the explanation stay the same when the image hardly changes?"""

import copy

import torch
from torch import Tensor, nn

from xaisigns.attribution.targets import Target
from xaisigns.base.torch_state import own_torch_state
from xaisigns.metrics.batches import Attribute, checked, explained, heatmaps, pairs
from xaisigns.metrics.heatmap import nan_unless, seeded
from xaisigns.metrics.settings import Precision, check_positive, check_precision, check_samples


@own_torch_state()
def max_sensitivity(
    attribute: Attribute,
    model: nn.Module,
    x: Tensor,
    target: Target,
    *,
    radius: float = 0.1,
    samples: int = 10,
    seed: int = 0,
    precision: Precision = "full",
) -> Tensor:
    """Largest change of the heatmap under small noise, over the heatmap's own size, ``(N,)`` from 0.

    Every value of ``x`` ``(N, C, H, W)`` is moved by up to ``radius`` to either side, ``samples`` times; the change and
    the size are Euclidean norms, and the target stays. ``attribute`` is called with the model, a batch of images and
    their targets, and gives relevance; with ``precision`` "bf16" with a copy of the model and images in
    bfloat16. NaN where the heatmap is zero everywhere, or one of them is not finite. Raises
    ShapeError and MetricError as pixel_flipping does. Source: [yeh2019infidelity], divided by the size. Quantus
    defines it the same way; it can be told to give NaN where a sample changes the prediction.
    """
    x, targets = checked(model, x, target)
    check_samples(samples, x[0].numel())
    check_positive("radius", radius)
    check_precision(precision)
    noise = radius * (2 * torch.rand(samples, *x.shape[1:], generator=seeded(seed), dtype=x.dtype).to(x.device) - 1)
    asked, dtype = (copy.deepcopy(model).bfloat16(), torch.bfloat16) if precision == "bf16" else (model, x.dtype)
    before = heatmaps(attribute, asked, x.to(dtype), targets)
    changes = []
    for image, sample in pairs(len(x), samples):
        after = explained(attribute, asked, (x[image] + noise[sample]).to(dtype), targets[image])
        changes.append((after - before[image]).flatten(1).norm(dim=1))
    largest = torch.cat(changes).view(len(x), samples).amax(dim=1)
    size = before.flatten(1).norm(dim=1)
    return nan_unless((size > 0) & size.isfinite() & largest.isfinite(), largest / size, x)
