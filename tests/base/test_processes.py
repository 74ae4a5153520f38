"""One process alone; several are in tests/model/test_shared_statistics.py and tests/cli/test_train.py."""

import pytest
import torch

from xaisigns.base.processes import ALONE, Processes, is_first, joined, own_device
from xaisigns.errors import DeviceError


@pytest.fixture
def started(monkeypatch):
    """As torchrun starts the second of two."""
    for name, value in {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)


def test_one_alone_is_all_there_is():
    with joined(torch.device("cpu")) as processes:
        assert processes == ALONE
    assert list(range(5))[ALONE.part] == list(range(5))
    values = torch.ones(2)
    assert ALONE.total(values) is values
    assert ALONE.all_have("anything")
    assert ALONE.one_first(lambda: 3) == 3
    assert is_first()
    assert own_device("auto") == "auto"
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(("length", "count"), [(0, 2), (1, 3), (7, 2), (128, 5)])
def test_parts_are_a_whole_and_differ_by_one_at_most(length, count):
    parts = [list(range(length))[Processes(number, count).part] for number in range(count)]
    assert sorted(sum(parts, [])) == list(range(length))  # noqa: RUF017
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.usefixtures("started")
def test_only_the_first_speaks(monkeypatch):
    assert not is_first()
    monkeypatch.setenv("RANK", "0")
    assert is_first()


@pytest.mark.usefixtures("started")
def test_each_has_a_gpu_of_its_own_where_there_are_some(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [own_device(name) for name in ("auto", "cuda", "cpu", "cuda:3")] == ["cuda:1", "cuda:1", "cpu", "cuda:3"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert own_device("auto") == "auto"


@pytest.mark.usefixtures("started")
def test_a_device_that_they_cannot_speak_from_is_refused():
    told = r"^several processes work together on cpu or cuda, and not on mps; give another$"
    with pytest.raises(DeviceError, match=told), joined(torch.device("mps")):
        pytest.fail("joined")


@pytest.mark.usefixtures("only_one")
def test_a_group_is_left_when_the_work_ends():
    with joined(torch.device("cpu")) as processes:
        assert processes == ALONE
        assert torch.distributed.get_backend() == "gloo"
        with joined(torch.device("cpu")):  # of a caller who has joined it already
            pass
        assert torch.distributed.is_initialized()
    assert not torch.distributed.is_initialized()


@pytest.mark.usefixtures("only_one")
@pytest.mark.parametrize(
    ("error", "wanted", "told"),
    [
        (RuntimeError("[gloo/transport/tcp/pair.cc:561] Connection closed by peer"), DeviceError, "another process of"),
        (torch.distributed.DistBackendError("NCCL error"), DeviceError, "another process of this work has ended; see"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError, "mat1 and mat2"),
    ],
)
def test_that_another_has_ended_is_told(error, wanted, told):
    with pytest.raises(wanted, match=told), joined(torch.device("cpu")):
        raise error
    assert not torch.distributed.is_initialized()
