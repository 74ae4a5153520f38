"""The caller's torch settings: none leaks in, and all are there afterwards."""

import threading
from contextlib import ExitStack, contextmanager

import pytest
import torch

from xaisigns.base.torch_state import own_torch_state


@contextmanager
def having(write, value, before):
    """A setting of torch's changed, and back again."""
    write(value)
    try:
        yield
    finally:
        write(before)


def default_dtype(dtype):
    return having(torch.set_default_dtype, dtype, torch.float32)


def deterministic(warn_only=False):
    def write(mode):
        torch.use_deterministic_algorithms(mode, warn_only=mode and warn_only)

    return having(write, True, False)


def precision(backend):
    return having(lambda value: setattr(backend, "fp32_precision", value), "bf16", "none")


CALLERS = {
    "nothing": ExitStack,
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "grad mode": lambda: torch.set_grad_enabled(False),
    "default device": lambda: having(torch.set_default_device, "meta", None),
    "device context": lambda: torch.device("meta"),
    "deterministic": deterministic,
    "deterministic, warning": lambda: deterministic(warn_only=True),
    "anomaly": lambda: having(lambda mode: torch.autograd.set_detect_anomaly(mode, check_nan=not mode), True, False),
    "medium precision": lambda: having(torch.set_float32_matmul_precision, "medium", "highest"),
    "bfloat16 everywhere": lambda: precision(torch.backends),
    "bfloat16 of mkldnn": lambda: precision(torch.backends.mkldnn),
    "bfloat16 of convolutions": lambda: precision(torch.backends.mkldnn.conv),
}


def settings():
    """All that torch has set, as plain data."""
    backends = torch.backends, torch.backends.mkldnn, torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "inference": torch.is_inference_mode_enabled(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "anomaly": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        "precision": [backend.fp32_precision for backend in backends],
        "cuda": torch.backends.cuda.matmul.fp32_precision,
        "cudnn": [torch.backends.cudnn.conv.fp32_precision, torch.backends.cudnn.rnn.fp32_precision],
    }


def computed():
    """What depends on every setting: the values, and what torch says of them."""
    made = torch.arange(64 * 64).reshape(1, 1, 64, 64).float() / 4096 + torch.zeros(1)
    made = made.requires_grad_()
    filtered = torch.nn.functional.conv2d(made, made.detach()[..., :3, :3], padding=1)
    product = filtered.reshape(64, 64) @ made.reshape(64, 64)
    result = product[torch.arange(3)].cumsum(0)
    result.sum().backward()
    told = result.dtype, result.device, result.is_inference(), torch.ones(1).dtype, torch.tensor(0.5).dtype
    return result.detach(), made.grad, told


@pytest.mark.parametrize("caller", CALLERS)
def test_what_is_computed_inside_is_what_torch_computes_by_itself(caller):
    wanted = computed()
    with CALLERS[caller](), own_torch_state():
        found = computed()
    assert found[2] == wanted[2]
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1], wanted[1])


@pytest.mark.parametrize("caller", CALLERS)
def test_afterwards_all_is_as_it_was(caller):
    clean = settings()
    with CALLERS[caller]():
        before = settings()
        assert (before != clean) == (caller != "nothing")
        with own_torch_state(), own_torch_state():
            pass
        assert settings() == before
        with pytest.raises(KeyError), own_torch_state():
            raise KeyError
        assert settings() == before
    assert settings() == clean


def test_a_thread_that_leaves_early_takes_nothing_from_another():
    entered, left = threading.Event(), threading.Event()
    seen = []

    def longer():
        with own_torch_state():
            entered.set()
            left.wait(10)
            seen.append(torch.get_default_dtype())

    with default_dtype(torch.float64):
        thread = threading.Thread(target=longer)
        with own_torch_state():
            thread.start()
            entered.wait(10)
        left.set()
        thread.join()
        assert seen == [torch.float32]
        assert torch.get_default_dtype() == torch.float64


def test_what_another_thread_sets_meanwhile_is_kept():
    with default_dtype(torch.float32):
        with own_torch_state():
            torch.set_default_dtype(torch.float64)
            with own_torch_state():
                assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_dtype() == torch.float64


def test_an_autocast_inside_keeps_no_weights_of_the_callers():
    weight = torch.ones(2, 2, requires_grad=True)

    def product():
        with torch.autocast("cpu", torch.bfloat16):
            return torch.ones(1, 2) @ weight

    with torch.autocast("cpu", torch.bfloat16), own_torch_state():
        product()
        with torch.no_grad():
            weight.mul_(2)
        assert product().tolist() == [[4, 4]]


def test_convolutions_on_a_gpu_do_not_round_to_tf32_as_torch_lets_them():
    convolutions = torch.backends.cudnn.conv
    assert convolutions.fp32_precision == "tf32"
    with own_torch_state():
        assert convolutions.fp32_precision == "ieee"
    assert convolutions.fp32_precision == "tf32"
