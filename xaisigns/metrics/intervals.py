"""How sure a mean score is."""

import torch
from torch import Tensor

_DRAWS_AT_ONCE = 2**22


def bootstrap_interval(
    values: Tensor, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean of ``values`` ``(N,)`` under resampling [efron1979bootstrap].

    NaN values are left out, from the mean too; (NaN, NaN) when nothing is left. Says how the mean would vary had other
    images been drawn from the same source, not how it would on another source.
    """
    known = values.detach().flatten().double().cpu()
    known = known[~known.isnan()]
    if not len(known):
        return torch.nan, torch.nan
    generator = torch.Generator().manual_seed(seed)
    rows = max(1, _DRAWS_AT_ONCE // len(known))
    means = [
        known[torch.randint(len(known), (min(rows, resamples - start), len(known)), generator=generator)].mean(dim=1)
        for start in range(0, resamples, rows)
    ]
    tail = (1 - level) / 2
    low, high = torch.cat(means).quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
    return low, high
