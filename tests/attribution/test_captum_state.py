"""What Captum does to its process stays within a call, errors included."""

import warnings

import numpy as np
import pytest
import torch

from xaisigns.attribution.captum_state import QUIET, seeded


def drawn():
    return torch.rand(3).tolist(), np.random.rand(3).tolist()  # noqa: NPY002 (Captum's generator)


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_global_generators_are_as_they_were(error):
    state, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    try:
        with seeded(7):
            drawn()
            if error:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


def test_a_seed_gives_the_same_numbers_and_another_seed_others():
    found = []
    for seed in (7, 7, 8):
        drawn()
        with seeded(seed):
            found.append(drawn())
    assert found[0] == found[1]
    assert all(ours != theirs for ours, theirs in zip(found[0], found[2], strict=True))


def test_only_captums_warnings_are_silenced_and_only_within():
    def warned(module):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with QUIET:
                warnings.warn_explicit("setting hooks", UserWarning, "file.py", 1, module=module)
        return len(caught)

    assert (warned("captum.attr._core.lrp"), warned("torch.nn"), warned("not_captum.attr")) == (0, 1, 1)
    before = list(warnings.filters)
    with QUIET:
        pass
    assert warnings.filters == before
