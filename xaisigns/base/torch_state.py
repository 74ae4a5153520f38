"""Torch's own settings while the package computes, and the caller's again afterwards."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch

_AUTOCAST_DEVICES = ("cpu", "cuda", "hpu", "maia", "mps", "mtia", "xla", "xpu", "ipu", "privateuseone")


class _Setting(NamedTuple):
    """One that holds for the whole process."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    wanted: Any


def _precision(backend: Any) -> _Setting:
    """That of a backend's float32 arithmetic; bfloat16 or TF32 would be wrong in the fourth digit."""

    def read() -> str:
        return "ieee" if backend.fp32_precision == "none" else str(backend.fp32_precision)

    return _Setting(read, lambda value: setattr(backend, "fp32_precision", value), "ieee")


_mkldnn: Any = torch.backends.mkldnn  # typed only in part
_cudnn: Any = torch.backends.cudnn
_PROCESS_WIDE = (
    _Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    _Setting(
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        lambda value: torch.use_deterministic_algorithms(value[0], warn_only=value[1]),
        (False, False),
    ),
    _Setting(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda value: torch.autograd.set_detect_anomaly(*value),
        (False, True),
    ),
    # From the general to the particular, since the particular has the general's value until it gets its own.
    _precision(torch.backends),
    _precision(_mkldnn),
    _precision(_mkldnn.matmul),
    _precision(_mkldnn.conv),
    _precision(torch.backends.cuda.matmul),
    # TF32 unless somebody says otherwise, which is off by a thousandth in a VGG11's logits.
    _precision(_cudnn.conv),
    _precision(_cudnn.rnn),
    # So that a GPU gives the same twice.
    _Setting(lambda: _cudnn.deterministic, lambda value: setattr(_cudnn, "deterministic", value), True),
    _Setting(lambda: _cudnn.benchmark, lambda value: setattr(_cudnn, "benchmark", value), False),
)
_LOCK = threading.Lock()
_inside: set[object] = set()
_changed: list[tuple[_Setting, Any]] = []


@contextmanager
def own_torch_state() -> Iterator[None]:
    """Compute as torch does when nobody has set anything, whatever the caller has set; then all is as it was.

    Inside: default dtype float32 in full precision, default device CPU, gradients on, no autocast, no inference mode,
    no deterministic mode but cuDNN's, no anomaly detection. What torch keeps for each thread changes for this one only.
    What it keeps for the process is the caller's again when the last thread has left. Random generators and warnings
    are left alone.
    """
    with _process_wide(), ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # which turns gradients on, too
        for device in _AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                torch.set_autocast_enabled(device, False)
                stack.callback(torch.set_autocast_enabled, device, True)
        # Inside the caller's autocast, one of ours would keep weights from step to step as they were first.
        stack.callback(torch.set_autocast_cache_enabled, torch.is_autocast_cache_enabled())
        torch.set_autocast_cache_enabled(False)
        # A device context costs time in every call of torch.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


@contextmanager
def _process_wide() -> Iterator[None]:
    # Who is inside, not how many: an interrupt anywhere in here takes itself out again, once.
    me = object()
    try:
        with _LOCK:
            _inside.add(me)
            for setting in _PROCESS_WIDE:
                found = setting.read()
                if found != setting.wanted:
                    _changed.append((setting, found))
                    setting.write(setting.wanted)
        yield
    finally:
        with _LOCK:
            _inside.discard(me)
            while _changed and not _inside:
                setting, found = _changed.pop()
                if setting.read() == setting.wanted:  # else somebody has changed it meanwhile
                    setting.write(found)
