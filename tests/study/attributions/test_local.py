import threading

import numpy as np
import pytest

from xaisigns.attribution.method_sets import select_methods
from xaisigns.errors import OutputError
from xaisigns.study.attributions import local
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.local import explain_shards


@pytest.fixture
def explainer(model, data, small_shards):
    return BatchExplainer(model, data, Wanted(select_methods("edges")))


def test_every_shard_is_written_once_in_order_and_from_another_thread(explainer, data):
    layout, written, heard = explainer.layout(), [], []

    def write(shard, arrays):
        assert threading.current_thread() is not threading.main_thread()
        written.append((shard, arrays))

    explain_shards(explainer, data, layout, [0, 2], write, heard.append)
    assert [shard for shard, _ in written] == [0, 2]
    assert heard == [2, 2, 2, 2]
    for shard, arrays in written:
        assert list(arrays) == list(layout.empty(0))
        assert len(arrays["logits"]) == len(layout.places(shard))
        assert np.isfinite(arrays["logits"]).all()


def test_a_shard_that_cannot_be_written_ends_the_work(explainer, data):
    asked = []

    def write(shard, arrays):
        asked.append(shard)
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="the disk is full"):
        explain_shards(explainer, data, explainer.layout(), [0, 1, 2], write, lambda _: None)
    assert asked == [0]


def test_at_most_two_shards_are_in_memory(explainer, data, monkeypatch):
    writing, most, may_go_on = [], [], threading.Event()
    real = local.joined

    def joined(parts):
        most.append(len(writing))
        may_go_on.set()
        return real(parts)

    def write(shard, arrays):
        writing.append(shard)
        may_go_on.wait(10)
        writing.remove(shard)

    monkeypatch.setattr(local, "joined", joined)
    explain_shards(explainer, data, explainer.layout(), [0, 1, 2], write, lambda _: None)
    assert max(most) <= 1


def test_nothing_to_do_is_done(explainer, data):
    explain_shards(explainer, data, explainer.layout(), [], lambda *_: 1 / 0, lambda _: 1 / 0)
