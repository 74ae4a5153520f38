"""Checkpoints trained elsewhere: VGGs recognised by names and shapes, others by name, read without running code."""

import os

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import googlenet, vgg11, vgg11_bn, vgg13, vgg19_bn

from tests.conftest import settled
from tests.model.foreign import PREPROCESSING, random, torchvisions
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model, save_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("build", [vgg11, vgg11_bn])
def test_a_state_dict_gives_torchvisions_logits(build, suffix, tmp_path):
    network = torchvisions(build)
    path = tmp_path / f"mine{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(network.state_dict(), path)
    model = load_model(path, PREPROCESSING)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)
    assert model.settings.classes == 7
    assert (model.settings.input_size, model.settings.mean) == (64, (0.3505, 0.3142, 0.3272))
    assert model.class_name(3) == "class 3"
    assert not model.training


@pytest.mark.parametrize(("build", "name"), [(vgg13, "vgg13"), (vgg19_bn, "vgg19_bn")])
def test_which_vgg_it_is_follows_from_the_shapes(build, name, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(torchvisions(build).state_dict(), path)
    assert load_model(path, PREPROCESSING).settings.architecture == name


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("this-code-ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"weight": _Bomb()},
            r"it holds Python objects \(.*mkdir\), which are never loaded; where it was made, save the state dict "
            r"alone: torch\.save\(model\.state_dict\(\), \"weights\.pt\"\)$",
        ),
        ({"a": torch.zeros(3)}, "is not a state dict of torchvision's vgg11.*its first entries are a"),
        ({"epoch": 3}, "is not a state dict of .*: its first entries are epoch$"),
        ({}, "is not a state dict of .*: its first entries are none$"),
        ([torch.zeros(3)], "is not a state dict of .*: it holds a list, wanted names with tensors$"),
        (torch.zeros(3), "it holds a Tensor, wanted names with tensors$"),
    ],
)
def test_anything_else_is_refused_in_one_line(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match=message) as raised:
        load_model(path, PREPROCESSING)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "this-code-ran").exists()


@pytest.mark.parametrize("kept", [0, 100, 10_000])
def test_a_file_that_is_cut_off_is_refused(kept, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(torchvisions(vgg11).state_dict(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        ModelError, match=r"mine\.pt cannot be used: it is (not whole \(.+\)|neither .+); .*copy .* again$"
    ):
        load_model(path, PREPROCESSING)


def test_a_state_dict_with_a_wrong_shape_is_refused(tmp_path):
    weights = torchvisions(vgg11).state_dict()
    weights["features.3.weight"] = torch.zeros(128, 64, 5, 5)
    torch.save(weights, tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="is not a state dict of torchvision's vgg11"):
        load_model(tmp_path / "mine.pt", PREPROCESSING)


def test_a_network_with_one_output_is_refused(tmp_path):
    torch.save(torchvisions(vgg11, outputs=1).state_dict(), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="has one output; wanted one for each class"):
        load_model(tmp_path / "mine.pt", PREPROCESSING)


def test_the_preprocessing_is_asked_for(tmp_path):
    torch.save(torchvisions(vgg11).state_dict(), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="give --input-size, --mean and --std"):
        load_model(tmp_path / "mine.pt")


def test_a_file_of_our_own_knows_its_preprocessing(untrained):
    with pytest.raises(ModelError, match="knows its input size, mean and std itself"):
        load_model(untrained, PREPROCESSING)


def test_every_vgg_can_be_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    model = VGG(NetworkSettings(architecture="vgg13_bn", input_size=32)).eval()
    save_model(model, tmp_path / "mine.safetensors")
    assert load_model(tmp_path / "mine.safetensors").settings == model.settings


def prefixed(prefix):
    return lambda state: {prefix + name: value for name, value in state.items()}


def inside(**beside):
    return lambda state: (
        {"epoch": 3, "best": 0.9, "optimizer": {"state": {0: {"step": torch.tensor(1)}}}, **beside}
        | {key: state for key, value in beside.items() if value is None}
    )


KEPT = {
    "alone": dict,
    "DataParallel": prefixed("module."),
    "compiled": prefixed("_orig_mod."),
    "compiled in DataParallel": prefixed("module._orig_mod."),
    "in a network": prefixed("net.backbone."),
    "DataParallel in Lightning": lambda state: {"state_dict": prefixed("model.module.")(state), "callbacks": {}},
    "features in DataParallel": lambda state: {
        name.replace("features.", "features.module."): value for name, value in state.items()
    },
    "averaged": lambda state: {"n_averaged": torch.tensor(7), **prefixed("module.")(state)},
    "state_dict": inside(state_dict=None),
    "model": inside(model=None),
    "model_state_dict": inside(model_state_dict=None, loss=torch.tensor(0.5)),
    "net": inside(net=None, acc=99.1),
    "twice the same": inside(state_dict=None, best_state_dict=None),
    "deep": lambda state: {"checkpoint": {"weights": state}},
    "beside a number": lambda state: {**state, "epoch": 3},
    "float64": lambda state: {name: value.double() for name, value in state.items()},
    "uncounted": lambda state: {name: value for name, value in state.items() if not name.endswith("tracked")},
    "channels_last": lambda state: {
        name: value.to(memory_format=torch.channels_last) if value.ndim == 4 else value for name, value in state.items()
    },
    "parameters": lambda state: {
        name: torch.nn.Parameter(value) if value.is_floating_point() else value for name, value in state.items()
    },
}


@pytest.mark.parametrize("form", KEPT)
def test_checkpoints_as_people_keep_them_are_taken(network, form, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(KEPT[form](network.state_dict()), path)
    model = load_model(path, PREPROCESSING)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert all(weight.is_contiguous() for weight in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", [".pt", ".SAFETENSORS"])
def test_half_weights_are_taken(network, dtype, suffix, tmp_path):
    state = {
        name: value.to(dtype) if value.is_floating_point() else value for name, value in network.state_dict().items()
    }
    path = tmp_path / f"mine{suffix}"
    (torch.save if suffix == ".pt" else save_file)(state, path)
    for name, value in load_model(path, PREPROCESSING).state_dict().items():
        assert torch.equal(value, state[name].float() if value.is_floating_point() else state[name])


@pytest.mark.parametrize("save", [torch.save, save_file])
@pytest.mark.parametrize("name", ["model.pt", "model.safetensors", "MODEL.PT", "model"])
def test_a_checkpoint_is_told_by_its_content(network, save, name, tmp_path):
    save(network.state_dict(), tmp_path / name)
    assert load_model(tmp_path / name, PREPROCESSING).settings.architecture == "vgg11_bn"


def replaced(name, change):
    return lambda state: {**state, name: change(state[name])}


LAST = "classifier.0.weight"
REFUSED = {
    "int8": (
        replaced("features.0.weight", lambda w: (w * 127).to(torch.int8)),
        r"features\.0\.weight holds int8, wanted",
    ),
    "float8": (replaced("features.0.weight", lambda w: w.to(torch.float8_e4m3fn)), "holds float8_e4m3fn, wanted"),
    "complex": (replaced(LAST, lambda w: w.to(torch.complex64)), "holds complex64, wanted numbers of float32"),
    "sparse": (replaced(LAST, lambda w: w.to_sparse()), "holds a Tensor of sparse_coo layout, wanted"),
    "meta": (replaced(LAST, lambda w: w.to("meta")), r"holds no numbers \(it was saved on the meta device\)"),
    "bool": (replaced(LAST, lambda w: w > 0), "holds bool, wanted"),
    "empty": (replaced(LAST, lambda w: w[:0]), "wanted a whole number|outputs"),
    "repeated": (replaced("features.0.bias", lambda w: w[:1].clone().expand(64)), "holds fewer numbers than its shape"),
    "huge": (
        replaced("features.0.bias", lambda w: w[:1].clone().expand(2**40)),
        r"has the shape \(1099511627776,\), wanted \(64,\)",
    ),
    "a number": (replaced("features.0.bias", lambda w: 3), r"features\.0\.bias is 3, wanted a tensor"),
    "NaN": (replaced("features.0.bias", lambda w: w / 0), r"features\.0\.bias holds numbers that are not finite"),
    "too large": (replaced(LAST, lambda w: w.double() * 1e300), "not finite in float32"),
    "variance": (replaced("features.1.running_var", lambda w: -w), r"running_var holds a variance below 0"),
    "convolution": (
        replaced(LAST, lambda w: w[..., None, None]),
        r"classifier\.0\.weight is a convolution, wanted a linear",
    ),
    "numbers as names": (lambda state: dict(enumerate(state.values())), "its first entries are 0, 1, 2, 3 and"),
    "two networks": (
        lambda state: {"net": state, "ema": prefixed("m.")(state)},
        r"2 networks .*\['net'\].*\['ema'\] m\.",
    ),
    "two in one": (lambda state: {**state, **prefixed("ema.")(state)}, "holds 2 networks"),
    "name twice": (lambda state: {**state, "module.features.0.bias": torch.zeros(64)}, "has features.0.bias twice"),
    "more": (lambda state: {**state, "arc.weight": torch.zeros(3)}, r"arc\.weight not a part of it"),
    "beside": (lambda state: {**prefixed("net.")(state), "loss.weight": torch.zeros(3)}, r"has loss\.weight besides"),
    "less": (lambda state: {n: v for n, v in state.items() if n != "features.4.bias"}, r"features\.4\.bias missing"),
    "head": (
        lambda state: {n.replace("classifier.0", "fc"): v for n, v in state.items()},
        r"it has fc\.weight, fc\.bias",
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_refused_by_name(network, case, tmp_path):
    change, pattern = REFUSED[case]
    torch.save(change(network.state_dict()), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match=rf"mine\.pt cannot be used: .*({pattern})") as raised:
        load_model(tmp_path / "mine.pt", PREPROCESSING)
    assert "\n" not in str(raised.value)


NAMED = ("mnasnet0_5", "shufflenet_v2_x0_5", "mobilenet_v3_small", "squeezenet1_1", "resnet18", "regnet_y_400mf")


@pytest.fixture(scope="module")
def small():
    return random("mnasnet0_5", 7)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_architecture_gives_torchvisions_logits(name, tmp_path):
    network, state = random(name, 7), torch.get_rng_state()
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    model = load_model(tmp_path / "mine.pt", PREPROCESSING, name)
    assert torch.equal(torch.get_rng_state(), state)
    assert (model.settings.architecture, model.settings.head, model.classes) == (name, None, 7)
    assert list(model.module.state_dict()) == list(network.state_dict())
    assert not any(layer.training for layer in model.modules())
    assert not any(weight.requires_grad for weight in model.parameters())
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)


@pytest.mark.parametrize("form", sorted(KEPT.keys() - {"features in DataParallel"}))
def test_a_named_architecture_is_taken_as_people_keep_it(small, form, tmp_path):
    torch.save(KEPT[form](small.state_dict()), tmp_path / "mine.pt")
    model = load_model(tmp_path / "mine.pt", PREPROCESSING, "mnasnet0_5")
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), small(x), rtol=0, atol=0)


def test_a_network_with_its_own_number_of_classes_is_taken(tmp_path):
    torch.save(random("mnasnet0_5", None).state_dict(), tmp_path / "mine.pt")
    assert load_model(tmp_path / "mine.pt", PREPROCESSING, "mnasnet0_5").classes == 1000


def test_googlenets_side_outputs_are_left_out(tmp_path):
    network = settled(googlenet(num_classes=7, aux_logits=True, init_weights=False))
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    model = load_model(tmp_path / "mine.pt", PREPROCESSING, "googlenet")
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["Net", "Required", "Five"])
@pytest.mark.parametrize("prefix", ["", "module.", "net."])
def test_an_own_network_is_taken(own_module, name, prefix, tmp_path):
    """Though it names a layer as wrappers name what they wrap."""
    network = random(f"{own_module}:{name}", 5)
    save_file(prefixed(prefix)(network.state_dict()), tmp_path / "mine.safetensors")
    model = load_model(tmp_path / "mine.safetensors", PREPROCESSING, f"{own_module}:{name}")
    assert model.classes == 5
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)


def test_a_named_vgg_must_be_that(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    assert load_model(tmp_path / "mine.pt", PREPROCESSING, "vgg11_bn").settings.architecture == "vgg11_bn"
    with pytest.raises(ModelError, match=r"it is not a state dict of vgg13_bn: features\.3\.weight, .* missing"):
        load_model(tmp_path / "mine.pt", PREPROCESSING, "vgg13_bn")


NO_MNASNET = {
    "VGG": (lambda state: torchvisions(vgg11).state_dict(), "its first entries are features.0.weight"),
    "more": (lambda state: {**state, "arc.weight": torch.zeros(3)}, r"arc\.weight not a part of it"),
    "less": (lambda state: {n: v for n, v in state.items() if n != "classifier.1.bias"}, "classifier.1.bias missing"),
    "beside": (lambda state: {**prefixed("net.")(state), "loss.weight": torch.zeros(3)}, r"has loss\.weight besides"),
    "two networks": (lambda state: {"net": state, "ema": prefixed("m.")(state)}, r"2 networks .*\['net'\]"),
    "width": (
        lambda state: {n: v[:8] if n.startswith("layers.0") else v for n, v in state.items()},
        r"layers\.0\.weight has the shape \(8, 3, 3, 3\), wanted \(16, 3, 3, 3\)",
    ),
    "one output": (
        lambda state: {n: v[:1] if n.startswith("classifier") else v for n, v in state.items()},
        "it has one output; wanted one for each class",
    ),
    "too many": (
        lambda state: {n: v[:1].expand(9999, *v[0].shape) if n.startswith("cl") else v for n, v in state.items()},
        "classes: wanted a whole number from 2 to 4096, got 9999$",
    ),
    "NaN": (replaced("classifier.1.bias", lambda w: w / 0), r"classifier\.1\.bias holds numbers that are not finite"),
    "a number": (replaced("classifier.1.bias", lambda w: 3), r"classifier\.1\.bias is 3, wanted a tensor"),
    "int8": (replaced("classifier.1.bias", lambda w: w.to(torch.int8)), r"classifier\.1\.bias holds int8, wanted"),
}


@pytest.mark.parametrize("case", NO_MNASNET)
def test_what_is_not_the_named_network_is_refused_by_name(small, case, tmp_path):
    change, pattern = NO_MNASNET[case]
    torch.save(change(small.state_dict()), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match=rf"mine\.pt cannot be used: .*({pattern})") as raised:
        load_model(tmp_path / "mine.pt", PREPROCESSING, "mnasnet0_5")
    assert "\n" not in str(raised.value)


def test_for_another_network_than_a_vgg_its_name_is_asked_for(small, tmp_path):
    torch.save(small.state_dict(), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match=r"vgg19 \(of another network give --architecture, in Python architecture\): "):
        load_model(tmp_path / "mine.pt", PREPROCESSING)
    with pytest.raises(ModelError, match=r"mine\.pt cannot be used: architecture: wanted the name of "):
        load_model(tmp_path / "mine.pt", PREPROCESSING, "mnasnet")
