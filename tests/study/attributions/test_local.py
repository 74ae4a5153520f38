import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from xaisigns.attribution.method_sets import select_methods
from xaisigns.errors import OutputError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.study.attributions import local
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.local import explain_shards, explainers, joined


@pytest.fixture
def explainer(model, data, small_shards):
    return BatchExplainer(model, data, Wanted(select_methods("edges")))


def test_every_shard_is_written_once_in_order_and_from_another_thread(explainer, data):
    layout, written, heard = explainer.layout(), [], []

    def write(shard, arrays):
        assert threading.current_thread() is not threading.main_thread()
        written.append((shard, arrays))

    explain_shards([explainer], data, layout, [0, 2], write, heard.append)
    assert [shard for shard, _ in written] == [0, 2]
    assert heard == [2, 2, 2, 2]
    for shard, arrays in written:
        assert list(arrays) == list(layout.empty(0))
        assert len(arrays["logits"]) == len(layout.places(shard))
        assert np.isfinite(arrays["logits"]).all()


def test_several_explainers_give_what_one_gives(model, data, small_shards):
    wanted, found = Wanted(select_methods("lrp,gradcam")), {}
    for count in (1, 3):
        workers = [BatchExplainer(model, data, wanted) for _ in range(count)]
        layout, written = workers[0].layout(), {}
        explain_shards(workers, data, layout, range(layout.shards), written.__setitem__, lambda _: None)
        assert list(written) == list(range(layout.shards))
        found[count] = joined(written.values())
    for name, values in found[1].items():
        np.testing.assert_array_equal(found[3][name], values)


def counted(model, data, methods, metrics=(), **changes):
    return len(explainers(model, data, Wanted(methods, metrics=list(metrics), **changes)))


@pytest.mark.parametrize(("threads", "count"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 1), (6, 3), (64, 4)])
def test_explainers_share_all_threads(threads, count, model, data, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert counted(model, data, select_methods("lrp,gradcam")) == count


def test_one_explains_where_two_might_be_in_each_others_way(model, data, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    quick = select_methods("lrp,gradcam")
    for slow in ("occlusion", "smoothgrad", "integrated_gradients", "lrp:epsilon_plus:smooth=1"):
        assert counted(model, data, [*quick, *select_methods(slow)]) == 1
    own = replace(quick[1], function=lambda network, images, targets: images)
    assert counted(model, data, [own]) == 1
    known = [METRICS["relevance_mass"], METRICS["entropy"]]
    assert counted(model, data, quick, known) == 4
    for other in (METRICS["flipping_area"], replace(known[1], function=lambda heatmaps: heatmaps)):
        assert counted(model, data, quick, [*known, other]) == 1
    monkeypatch.setattr(local, "_WEIGHTS", 2 * 2 * sum(one.nbytes for one in model.module.parameters()))
    assert counted(model, data, quick) == 2
    model.module.features[0].register_forward_hook(lambda *_: None)
    assert counted(model, data, quick) == 1


def heard(seen, explain):
    def listened(*given):
        seen.append(torch.get_num_threads())
        return explain(*given)

    return listened


def test_torch_has_its_threads_afterwards_in_new_threads_too(model, data, small_shards, monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen, workers = [], explainers(model, data, Wanted(select_methods("edges")))
        for worker in workers:
            monkeypatch.setattr(worker, "explain", heard(seen, worker.explain))
        explain_shards(workers, data, workers[0].layout(), [0, 1], lambda *_: None, lambda _: None)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(before)


def test_a_batch_that_cannot_be_explained_ends_the_work(explainer, data, monkeypatch):
    monkeypatch.setattr(explainer, "explain", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        explain_shards([explainer, explainer], data, explainer.layout(), [0, 1], lambda *_: None, lambda _: None)


def test_a_shard_that_cannot_be_written_ends_the_work(explainer, data):
    asked = []

    def write(shard, arrays):
        asked.append(shard)
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="the disk is full"):
        explain_shards([explainer], data, explainer.layout(), [0, 1, 2], write, lambda _: None)
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
    explain_shards([explainer], data, explainer.layout(), [0, 1, 2], write, lambda _: None)
    assert max(most) <= 1


def test_nothing_to_do_is_done(explainer, data):
    explain_shards([explainer], data, explainer.layout(), [], lambda *_: 1 / 0, lambda _: 1 / 0)
