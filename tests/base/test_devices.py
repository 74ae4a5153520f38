"""A device by its name, or the fastest that there is."""

import pytest
import torch

from xaisigns.base import devices
from xaisigns.base.devices import chosen_device, computes_bfloat16
from xaisigns.errors import DeviceError


@pytest.fixture
def there(monkeypatch):
    """Takes what a machine has: how many CUDA devices, and whether MPS."""

    def having(cuda, mps):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return having


@pytest.mark.parametrize(
    ("cuda", "mps", "kinds"), [(0, False, ["cpu"]), (0, True, ["mps", "cpu"]), (2, True, ["cuda", "mps", "cpu"])]
)
def test_auto_is_the_first_of_cuda_mps_and_cpu(cuda, mps, kinds, there, monkeypatch):
    there(cuda, mps)
    assert list(devices._there()) == kinds
    monkeypatch.setattr(devices, "_there", lambda: {"meta": 1, "cpu": 1})
    assert chosen_device("auto") == torch.device("meta")


@pytest.mark.parametrize("wanted", ["cpu", torch.device("cpu")])
def test_the_cpu_is_everywhere(wanted):
    assert chosen_device(wanted) == torch.device("cpu")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1", "mps", torch.device("cuda"), "meta", "xpu"])
def test_what_is_not_there_is_refused_with_what_is(wanted, there):
    there(0, False)
    with pytest.raises(DeviceError, match=rf"^this machine, with this build of torch, has no {wanted}; there is cpu$"):
        chosen_device(wanted)


def test_one_more_than_there_are_is_refused(there):
    there(2, False)
    with pytest.raises(DeviceError, match=r"has no cuda:2; there is cuda, cpu$"):
        chosen_device("cuda:2")


@pytest.mark.parametrize("wanted", ["gpu", "CPU", "", "cuda:x", None, 1.5])
def test_what_is_no_device_is_refused(wanted, there):
    there(0, False)
    with pytest.raises(DeviceError, match=r"^no device .*; there is auto, cpu$"):
        chosen_device(wanted)


@pytest.mark.needs("gpu")
def test_a_gpu_is_chosen_with_its_number():
    assert chosen_device("auto") == chosen_device("cuda") == torch.zeros(1, device="cuda").device


def test_a_processor_without_bfloat16_says_so(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    assert not computes_bfloat16(torch.device("cpu"))
    assert not computes_bfloat16(torch.device("mps"))
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert computes_bfloat16(torch.device("cpu"))
