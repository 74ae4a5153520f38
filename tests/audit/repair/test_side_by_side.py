"""A fine-tuning and its control at the same time: the same networks as one after the other, or an end of both."""

import copy
import threading

import pytest
import torch

import xaisigns as xs
from tests.audit.repair.test_checkpoints import KilledError
from tests.audit.repair.test_fine_tuning import PREPROCESSING, planted  # noqa: F401 (a fixture)
from xaisigns.audit.repair import fine_tuning
from xaisigns.audit.repair.checkpoints import Checkpoint
from xaisigns.audit.repair.fine_tuning import fine_tuned
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.audit.repair.side_by_side import tuned_beside_control
from xaisigns.errors import ModelError

SETTINGS = FineTuning(steps=6, batch_size=12, seed=3)


@pytest.fixture
def sequence(planted):  # noqa: F811
    """A model of nothing but torch's own layers, images and the feature that it has learnt."""
    model, seen, feature, _ = planted
    network = copy.deepcopy(model.module)
    layers = torch.nn.Sequential(network.features, network.avgpool, torch.nn.Flatten(), network.classifier)
    return xs.Model(layers.eval(), PREPROCESSING), seen, [feature]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def checkpoints(tmp_path):
    places = [tmp_path / f"{name}.checkpoint.safetensors" for name in ("control", "unlearning")]
    return [Checkpoint(place, {"place": place.name}, resume=True, force=False) for place in places]


def one_after_the_other(model, seen, features):
    """The control and the other, each by a single thread."""
    torch.set_num_threads(1)
    both = [fine_tuned(model, seen, features, SETTINGS, control=control) for control in (True, False)]
    torch.set_num_threads(2)
    return both


def assert_alike(networks, others):
    for network, other in zip(networks, others, strict=True):
        found = other.state_dict()
        assert all(torch.equal(value, found[name]) for name, value in network.state_dict().items())


def test_both_are_as_they_are_one_after_the_other(sequence, checkpoints, two_threads):
    model, seen, features = sequence
    wanted, state, heard = one_after_the_other(model, seen, features), torch.get_rng_state(), []
    for _ in range(2):  # anew, and from what is kept in the end
        found = tuned_beside_control(model, seen, features, SETTINGS, checkpoints, lambda *told: heard.append(told))
        assert_alike(wanted, found)
        assert heard[-1] == ("unlearning", 2 * SETTINGS.steps, 2 * SETTINGS.steps)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2


def test_both_go_on_where_they_were_stopped(sequence, checkpoints, two_threads, monkeypatch):
    monkeypatch.setattr(fine_tuning, "_KEPT", 1)
    model, seen, features = sequence
    wanted = one_after_the_other(model, seen, features)
    written = Checkpoint.write

    def killed(checkpoint, *kept):
        written(checkpoint, *kept)
        if checkpoint is checkpoints[1]:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "write", killed)
        with pytest.raises(KilledError):
            tuned_beside_control(model, seen, features, SETTINGS, checkpoints)
    assert not any(thread.name.startswith("xaisigns-unlearning") for thread in threading.enumerate())
    assert_alike(wanted, tuned_beside_control(model, seen, features, SETTINGS, checkpoints))


def test_an_interrupt_ends_both(sequence, checkpoints, two_threads):
    model, seen, features = sequence

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned_beside_control(model, seen, features, FineTuning(steps=10_000, batch_size=12), checkpoints, interrupt)
    assert not any(thread.name.startswith("xaisigns-unlearning") for thread in threading.enumerate())
    assert torch.get_num_threads() == 2


def test_what_one_raises_is_raised(sequence, checkpoints, two_threads):
    model, seen, features = sequence
    broken = copy.deepcopy(model.module)
    next(broken.parameters()).data.fill_(torch.nan)
    with pytest.raises(ModelError, match="diverged in step 1"):
        tuned_beside_control(xs.Model(broken, PREPROCESSING), seen, features, SETTINGS, checkpoints)


class Own(torch.nn.Identity):
    """A layer of the user's own code."""


@pytest.mark.parametrize("layer", [torch.nn.Dropout(0.5), Own()])
def test_what_draws_or_runs_code_of_the_users_goes_one_after_the_other(layer, sequence, checkpoints, two_threads):
    model, seen, features = sequence
    network = torch.nn.Sequential(layer, copy.deepcopy(model.module))
    changed, heard = xs.Model(network, PREPROCESSING), []
    tuned_beside_control(changed, seen, features, SETTINGS, checkpoints, lambda *told: heard.append(told))
    steps = range(1, SETTINGS.steps + 1)
    assert heard == [(work, step, SETTINGS.steps) for work in ("training on", "unlearning") for step in steps]
