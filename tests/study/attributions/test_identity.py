import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.attribution.method_sets import select_methods
from xaisigns.errors import OutputError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.study import model_cache
from xaisigns.study.attributions.identity import Wanted, digests_of, identity_of, refuse_another
from xaisigns.study.measuring import Scoring

LRP = Wanted(select_methods("lrp"))


def identity(model, data, wanted=LRP):
    return identity_of(model, data, digests_of(data), wanted)


def other_weights(model, data):
    with torch.no_grad():
        next(model.module.parameters()).add_(1)


def another_activation(model, data):
    features = model.module.features
    place = next(place for place, layer in enumerate(features) if isinstance(layer, nn.ReLU))
    features[place] = nn.Softplus()


def other_pixels(model, data):
    content = data.samples[3].path.read_bytes()
    data.samples[3].path.write_bytes(content[:-1] + b"\0")


def another_box(model, data):
    object.__setattr__(data.samples[3], "roi", (1, 2, 3, 4))


def another_name(model, data):
    object.__setattr__(data.samples[3], "key", "another")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (other_weights, "weights"),
        (another_activation, "network"),
        (other_pixels, "images"),
        (another_box, "images"),
        (another_name, "images"),
    ],
)
def test_what_is_changed_is_what_is_named(model, data, change, part, tmp_path):
    before = identity(model, data)
    change(model, data)
    after = identity(model, data)
    assert [name for name in before if before[name] != after[name]] == [part]
    with pytest.raises(OutputError, match=rf"is a store of something else \({part}: there .*, here .*\); name another"):
        refuse_another(tmp_path, before, after)


@pytest.mark.parametrize(
    ("wanted", "sides"),
    [
        (Wanted(select_methods("lrp,gradcam")), r'methods: there \[\], here \["gradcam"\]'),
        (Wanted(select_methods("lrp:epsilon")), r'methods: there \["lrp:epsilon_gamma_box.*here \["lrp:epsilon"'),
        (Wanted(select_methods("lrp"), half=False), "heatmaps: there float16, here float32"),
        (Wanted(select_methods("lrp"), ["features.0"]), r'layers: there \[\], here \["features.0"\]'),
        (
            Wanted(select_methods("lrp"), scoring=Scoring(["complexity"]), metrics=[METRICS["entropy"]]),
            r'metrics: there \[\], here \["entropy"\]; scoring: there null, here \[16, "mean", 0\]',
        ),
    ],
)
def test_other_wishes_are_told_with_both_sides(model, data, wanted, sides, tmp_path):
    with pytest.raises(OutputError, match=sides):
        refuse_another(tmp_path, identity(model, data), identity(model, data, wanted))


def test_the_order_of_methods_is_a_part_of_it(model, data, tmp_path):
    one, other = (identity(model, data, Wanted(select_methods(text))) for text in ("lrp,edges", "edges,lrp"))
    with pytest.raises(OutputError, match=r'there \["lrp:.*, "edges"\], here \["edges", "lrp:'):
        refuse_another(tmp_path, one, other)


def test_other_code_is_named(model, data, monkeypatch, tmp_path):
    before = identity(model, data)
    monkeypatch.setattr(model_cache, "made_by", lambda *_: ["another version", *before["code"][1:]])
    with pytest.raises(OutputError, match=rf'code: there \["{before["code"][0]}"\], here \["another version"\]'):
        refuse_another(tmp_path, before, identity(model, data))


def test_the_same_is_the_same_however_it_is_written(model, data, tmp_path):
    spelled = Wanted(select_methods("lrp:epsilon-gamma-box:gamma=0.05"))
    refuse_another(tmp_path, identity(model, data), identity(model, data, spelled))


def test_the_digests_are_those_of_the_files(data):
    before = digests_of(data)
    data.samples[0].path.unlink()
    after = digests_of(data)
    assert (before.shape, before.dtype) == ((12, 32), np.uint8)
    assert not after[0].any()
    assert (after[1:] == before[1:]).all()
    assert len({row.tobytes() for row in before}) == 12


def test_a_network_of_ones_own_is_told_apart_by_its_file(own_module, data, monkeypatch):
    monkeypatch.syspath_prepend(Path.cwd())

    def own_code():
        module = importlib.import_module(own_module)
        model = xs.Model(module.Net(43), xs.Preprocessing(32, (0.5,) * 3, (0.5,) * 3))
        return identity(model, data)["own layers"]

    before = own_code()
    assert before == own_code()
    assert len(before) == 2  # the network's file and that of the block in it
    file = Path(f"{own_module}.py")
    file.write_text(file.read_text() + "# another line\n")
    assert own_code() != before


def test_hooks_and_code_without_a_file_are_refused(model, data, registries):
    handle = model.module.features[0].register_forward_hook(lambda *_: None)
    with pytest.raises(OutputError, match="the model has hooks"):
        identity(model, data)
    handle.remove()
    names = {}
    exec("def mine(network, images, target):\n    return images", names)
    xs.register_method("mine", names["mine"])
    with pytest.raises(OutputError, match="the code of 'mine' is in no file"):
        identity(model, data, Wanted(select_methods("mine")))


def mine(network, images, target):
    """What a caller may register."""
    return images.detach()


def length(explanation):
    """As a metric of the caller's."""
    return explanation.relevance.flatten(1).norm(dim=1).cpu()


def test_methods_rules_and_metrics_of_ones_own_are_told_apart_by_their_file(model, data, registries):
    class Mine(xs.LayerRule):
        def relevance(self, x, z, r):
            return r

    xs.register_method("mine", mine)
    xs.register_rule("own", Mine)
    rows = (((nn.Linear,), xs.Rule("own")), ((nn.Module,), xs.Rule("epsilon")))
    xs.register_composite("ours", xs.Composite(rows))
    xs.register_metric("length", length, better="lower", range="0 to 1", nan="never")
    assert identity(model, data)["own code"] == []
    assert len(identity(model, data, Wanted(select_methods("mine")))["own code"]) == 1
    own = Wanted(select_methods("lrp:ours"), scoring=Scoring(["own"]), metrics=[METRICS["length"]])
    assert len(identity(model, data, own)["own code"]) == 2  # this file, and what the composite does
