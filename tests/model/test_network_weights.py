"""Weights become a network by names, shapes and finite numbers, or are refused by name."""

import re

import pytest
import torch

from tests.model.model_files import parts, refused, trained, write_parts
from xaisigns.errors import ModelError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.network_weights import check_shapes, listed, network_of, shapes

SETTINGS = NetworkSettings(classes=3, input_size=32)


def test_a_missing_a_surplus_and_a_misshapen_tensor_are_refused(written, path):
    document, tensors = parts(written)
    weight = "features.4.weight"
    less = {name: value for name, value in tensors.items() if name != weight}
    for changed, named in (
        (less, weight),
        ({**tensors, "features.99.weight": torch.zeros(1)}, "features.99.weight"),
        ({**tensors, weight: tensors[weight][:, :-1].contiguous()}, weight),
    ):
        write_parts(path, document, changed)
        refused(path, f"does not hold the network that it describes: .*{re.escape(named)}")


@pytest.fixture(scope="module")
def weights():
    return trained(SETTINGS).double().state_dict()


def test_a_network_has_a_copy_of_the_weights_in_float32_and_nothing_is_drawn(weights):
    state = torch.get_rng_state()
    network = network_of(SETTINGS, weights, {"class_names": {}})
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(layer.training for layer in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())
    for name, value in network.state_dict().items():
        assert value.dtype == (torch.int64 if name.endswith("tracked") else torch.float32)
        assert value.data_ptr() != weights[name].data_ptr()
        torch.testing.assert_close(value.double(), weights[name].double(), rtol=1e-7, atol=0)


def changed(weights, name, change):
    return {**weights, name: change(weights[name])}


def test_finite_weights_whose_sum_is_not_are_taken(weights):
    large = changed(weights, "features.0.bias", lambda w: torch.full_like(w, 3e38))
    assert bool((network_of(SETTINGS, large).features[0].bias == 3e38).all())


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("features.0.bias", lambda w: w.int(), "holds int32, wanted numbers of float32, float16, bfloat16 or float64"),
        ("features.0.bias", lambda w: w.to("meta"), r"holds no numbers \(it was saved on the meta device\)"),
        ("features.0.bias", lambda w: w.to_sparse(), "holds a Tensor of sparse_coo layout"),
        ("features.0.bias", lambda w: w + 1e300, "holds numbers that are not finite in float32"),
        ("features.1.running_var", lambda w: -w, "holds a variance below 0"),
        ("features.0.bias", lambda w: w[1:], r"has the shape \(63,\), wanted \(64,\)"),
        ("features.0.bias", lambda w: w.tolist, "wanted a tensor"),
    ],
)
def test_a_tensor_that_cannot_be_a_weight_is_refused_by_its_name(weights, name, change, message):
    with pytest.raises(ModelError, match=f"^{re.escape(name)} .*{message}"):
        network_of(SETTINGS, changed(weights, name, change))


def test_what_is_missing_and_what_is_surplus_is_told_at_once(weights):
    other = {("feature" if name == "features.0.bias" else name): value for name, value in weights.items()}
    with pytest.raises(ModelError, match=r"^features\.0\.bias missing, feature not a part of it$"):
        check_shapes(shapes(SETTINGS), other)
    with pytest.raises(ModelError, match=r"^features\.0\.weight, .* and \d+ more missing$"):
        check_shapes(shapes(SETTINGS), {})


def test_a_long_list_of_names_is_shortened():
    assert listed(["a", 2, "c", "d"]) == "a, 2, c, d"
    assert listed(list("abcdefg")) == "a, b, c, d and 3 more"
    assert listed(["x" * 1000]) == "x" * 80
