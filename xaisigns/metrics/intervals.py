"""How sure a mean score is."""

import torch
from torch import Tensor

from xaisigns.base.bounds import shown
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MetricError
from xaisigns.metrics.heatmap import seeded
from xaisigns.metrics.settings import check_whole

_DRAWS_AT_ONCE = 2**22


@own_torch_state()
def bootstrap_interval(
    values: Tensor, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of ``values`` ``(N,)`` under resampling [efron1979bootstrap].

    NaN values are left out, from the mean too; (NaN, NaN) when nothing is left. Says how the mean would vary had other
    images been drawn from the same source, not how it would on another source. Raises MetricError for settings that
    cannot be.

    >>> low, high = bootstrap_interval(torch.tensor([0.2, 0.4, 0.6, torch.nan]))
    >>> round(low, 3), round(high, 3)
    (0.2, 0.6)
    """
    check_whole("resamples", resamples, 1, 10**6)
    if not isinstance(level, float) or not 0 < level < 1:
        raise MetricError(f"level must be a number between 0 and 1, such as 0.95, got {shown(level)}")
    if not isinstance(values, Tensor) or values.isinf().any():
        raise MetricError("values must be a tensor (N,) of scores, which may be NaN and not infinite")
    known = values.detach().flatten().double().cpu()
    known = known[~known.isnan()]
    if not len(known):
        return torch.nan, torch.nan
    generator = seeded(seed)
    rows = max(1, _DRAWS_AT_ONCE // len(known))
    means = [
        known[torch.randint(len(known), (min(rows, resamples - start), len(known)), generator=generator)].mean(dim=1)
        for start in range(0, resamples, rows)
    ]
    tail = (1 - level) / 2
    low, high = torch.cat(means).quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
    return low, high
