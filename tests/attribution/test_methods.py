"""The registry: specifications, one signature, and what holds for every method."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak
from tests.conftest import REPOSITORY
from xaisigns.attribution import prepared
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import find_method, methods
from xaisigns.attribution.shifts import shifted, shifted_back
from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.errors import MethodError, RuleError, ShapeError

# Small enough for images of 12 pixels and for the time that a test may take.
SPECIFICATIONS = (
    "lrp:epsilon_plus_flat",
    "lrp:epsilon_gamma_box:gamma=0.1",
    "saliency",
    "input_x_gradient",
    "integrated_gradients:steps=6",
    "smoothgrad:samples=4",
    "guided_backprop",
    "deconvolution",
    "deep_lift",
    "gradient_shap:samples=4",
    "guided_gradcam",
    "gradcam",
    "occlusion:window=4:stride=3",
    "feature_ablation:segments=9",
    "kernel_shap:segments=6:samples=30",
    "random",
    "edges",
    "uniform",
)
EXPLAINING = tuple(name for name in SPECIFICATIONS if name not in ("random", "edges", "uniform"))
CAPTUMS = tuple(name for name in EXPLAINING if not name.startswith("lrp"))
BOUNDS = (torch.full((1, 3, 1, 1), -3.0), torch.full((1, 3, 1, 1), 3.0))


@pytest.fixture
def network(tiny_vgg):
    tiny_vgg.bounds = BOUNDS
    return tiny_vgg


@pytest.fixture
def images(generator):
    return torch.randn(5, 3, 12, 12, generator=generator, dtype=torch.float64).clamp(-3, 3)


def close(ours, wanted, tolerance=1e-9):
    torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance * peak(wanted))


def test_every_method_is_tried_here():
    assert {text.partition(":")[0] for text in SPECIFICATIONS} == {method.name for method in methods()}


@pytest.mark.parametrize("text", SPECIFICATIONS)
def test_one_signature(text, network, images):
    target = torch.tensor([0, 1, 2, 3, 4])
    method = find_method(text)
    result = method(network, images, target)
    assert result.relevance.shape == images.shape
    assert result.relevance.dtype == images.dtype
    assert not result.relevance.requires_grad
    assert (result.method, result.composite) == (text, method.composite)
    assert torch.equal(result.target, target)
    close(result.logits, network(images).detach())
    # One target for all, and without one the predicted class.
    predicted = network(images).argmax(dim=1)
    close(method(network, images).relevance, method(network, images, predicted).relevance)
    close(method(network, images, 2).relevance[0], method(network, images[:1], torch.tensor([2])).relevance[0], 1e-6)


@pytest.mark.parametrize("text", SPECIFICATIONS)
def test_an_image_has_the_same_relevance_in_every_batch(text, network, images, monkeypatch):
    target = torch.tensor([0, 1, 2, 3, 4])
    explain = find_method(text).prepared(network)
    together = explain(images, target).relevance
    order = torch.tensor([3, 0, 4, 1, 2])
    close(explain(images[order], target[order]).relevance, together[order], 1e-6)
    monkeypatch.setattr(prepared, "BATCH", 2)
    close(explain(images, target).relevance, together, 1e-6)
    # And again, to the bit.
    assert torch.equal(explain(images, target).relevance, explain(images, target).relevance)


@pytest.mark.parametrize("text", [*SPECIFICATIONS, *(f"{name}:contrast" for name in EXPLAINING)])
def test_nothing_of_the_callers_changes(text, network, images):
    network.train()
    before, state, numpys = images.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        find_method(text)(network, images, 1)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        find_method(text)(network, images.clone(), 1)
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert all(layer.training for layer in network.modules())
    assert all(value.requires_grad and value.grad is None for value in network.parameters())
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in network.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002


@pytest.mark.parametrize("text", CAPTUMS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_everything_is_as_before(text, error, network, images, monkeypatch):
    explain = find_method(text).prepared(network)
    wanted, state, numpys = explain(images, 1).relevance, torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    forward, calls = nn.Linear.forward, []

    def broken(layer, x):
        calls.append(layer)
        if len(calls) > 3:  # after the logits, within the method
            raise error("in the middle")
        return forward(layer, x)

    with monkeypatch.context() as patch:
        patch.setattr(nn.Linear, "forward", broken)
        with pytest.raises(error, match="in the middle"):
            explain(images, 1)
    assert not images.requires_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpys)  # noqa: NPY002
    assert torch.equal(explain(images, 1).relevance, wanted)


# LRP starts a contrast with both logits instead: see test_lrp.
@pytest.mark.parametrize("text", CAPTUMS)
def test_a_contrast_explains_the_difference_of_two_logits(text, network, images):
    """As if the network's last layer were the difference of two of its outputs."""
    target, against = torch.tensor([0, 1, 2, 3, 4]), torch.tensor([1, 0, 0, 0, 2])
    ours = find_method(f"{text}:contrast")(network, images, target, against)
    assert torch.equal(ours.against, against)
    last = network[12]
    for row, (own, other) in enumerate(zip(target.tolist(), against.tolist(), strict=True)):
        difference = nn.Linear(10, 1).double()
        with torch.no_grad():
            difference.weight[0] = last.weight[own] - last.weight[other]
            difference.bias[0] = last.bias[own] - last.bias[other]
        wanted = find_method(text)(nn.Sequential(*network[:12], difference), images[row : row + 1], 0)
        close(ours.relevance[row : row + 1], wanted.relevance, 1e-5)


def test_a_contrast_without_a_class_is_with_the_runner_up(network, images):
    target = torch.tensor([0, 1, 2, 3, 4])
    result = find_method("saliency:contrast")(network, images, target)
    for row, logits in enumerate(network(images)):
        ranking = [class_id for class_id in logits.argsort(descending=True).tolist() if class_id != target[row]]
        assert result.against[row] == ranking[0]
    assert torch.equal(
        result.relevance, xs.attribute(network, images, target, result.against, method="saliency").relevance
    )


def test_only_a_contrast_uses_the_other_class(network, images):
    result = find_method("saliency")(network, images, 1, 2)
    assert result.against is None
    assert torch.equal(result.relevance, find_method("saliency")(network, images, 1).relevance)


@pytest.mark.parametrize("name", ["input_x_gradient", "integrated_gradients", "lrp:epsilon"])
def test_linear_methods_contrast_is_their_difference(name, network, images):
    own, other = (find_method(name)(network, images, class_id).relevance for class_id in (1, 2))
    close(find_method(f"{name}:contrast")(network, images, 1, 2).relevance, own - other)


@pytest.mark.parametrize("name", ["input_x_gradient", "integrated_gradients", "lrp:epsilon"])
def test_linear_methods_contrast_with_the_rest_is_the_mean_of_all_differences(name, network, images):
    method = find_method(f"{name}:contrast")
    pairs = [method(network, images, 1, other).relevance for other in range(5) if other != 1]
    result = xs.attribute(network, images, 1, "rest", method=name)
    assert result.against == "rest"
    close(result.relevance, sum(pairs) / 4)


@pytest.mark.parametrize("text", EXPLAINING)
def test_every_method_has_a_contrast_with_the_rest(text, network, images):
    method = find_method(f"{text}:contrast")
    rest = method(network, images, 1, "rest").relevance
    assert rest.shape == images.shape
    assert not torch.equal(rest, method(network, images, 1, 0).relevance)


@pytest.mark.parametrize(
    "text",
    [
        "saliency",
        "input_x_gradient",
        "integrated_gradients",
        "smoothgrad",
        "guided_backprop",
        "deconvolution",
        "deep_lift",
        "gradient_shap",
        "lrp:epsilon",
        "lrp:epsilon_plus",
        "saliency:contrast",
        "lrp:epsilon:contrast",
    ],
)
def test_a_planted_patch_gets_all_relevance(text, generator):
    """A linear model whose only weights lie in a patch."""
    patch = torch.zeros(12, 12, dtype=torch.bool)
    patch[2:5, 7:11] = True
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 3, bias=False)).double()
    with torch.no_grad():
        network[1].weight.copy_((torch.rand(3, 3, 12, 12, generator=generator) * patch).flatten(1))
    images = torch.rand(4, 3, 12, 12, generator=generator, dtype=torch.float64)
    heatmap = find_method(text)(network, images, 1).heatmap.clamp(min=0)
    inside = (heatmap * patch).sum(dim=(1, 2)) / heatmap.sum(dim=(1, 2))
    close(inside, torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("text", ["uniform", "lrp:epsilon_plus_flat"])
def test_without_weights_in_it_a_patch_gets_its_share_of_the_area(text, generator):
    """Flat shares a first layer's relevance evenly, wherever the weights are."""
    patch = torch.zeros(12, 12, dtype=torch.bool)
    patch[2:5, 7:11] = True
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 3, bias=False)).double()
    with torch.no_grad():
        network[1].weight.copy_((torch.rand(3, 3, 12, 12, generator=generator) * patch).flatten(1))
    images = torch.rand(4, 3, 12, 12, generator=generator, dtype=torch.float64)
    heatmap = find_method(text)(network, images, 1).heatmap
    inside = (heatmap * patch).sum(dim=(1, 2)) / heatmap.sum(dim=(1, 2))
    close(inside, torch.full((4,), 12 / 144, dtype=torch.float64))


def test_a_callable_of_ones_own_in_one_line(registries, network, images):
    def brightness(network, images, target, *, power=2.0, label="unset"):
        """How bright a pixel is.

        More of it.
        """
        assert [name for name, _ in network.named_children()][:2] == ["0", "1"]
        return images.abs().pow(power).sum(dim=1)

    xs.register_method("my-brightness", brightness)
    result = xs.attribute(network, images, method="my_brightness:power=3")
    close(result.heatmap, images.abs().pow(3).sum(dim=1))
    assert torch.equal(result.relevance[:, 0], result.relevance[:, 2])
    (listed,) = [method for method in methods() if method.name == "my_brightness"]
    assert {listed.description(language) for language in ("en", "de")} == {"How bright a pixel is."}
    assert (listed.source, listed.options) == (None, {"power": 2.0})
    assert not any(method.control for method in methods()[:-3])
    with pytest.raises(MethodError, match="there is a method 'my_brightness' already"):
        xs.register_method("my_brightness", brightness)
    assert find_method("my-brightness:contrast")(network, images, 1).against is not None


def test_a_callable_of_ones_own_may_have_a_choice(registries, network, images):
    def channel(network, images, target, *, which: Literal["red", "blue"] = "red"):
        return images[:, 0 if which == "red" else 2]

    xs.register_method("channel", channel)
    red, blue = (find_method(text) for text in ("channel", "channel:which=blue"))
    assert (red.key, blue.key) == ("channel:which=red", "channel:which=blue")
    close(blue(network, images).heatmap, images[:, 2])
    close(red(network, images).heatmap, images[:, 0])
    with pytest.raises(MethodError, match="which must be red or blue, got 'green'"):
        find_method("channel:which=green")


def test_registries_may_take_gradients_and_hooks(registries, network, images):
    def gradient(network, images, target):
        network.get_submodule("0").register_forward_hook(lambda *_: None)  # forgotten: on a copy it does no harm
        return torch.autograd.grad(network(images).gather(1, target[:, None]).sum(), images)[0]

    xs.register_method("gradient", gradient, "The plain gradient.")
    ours, wanted = (xs.attribute(network, images, 1, method=name).relevance for name in ("gradient", "saliency"))
    close(ours.abs(), wanted)
    assert not network[0]._forward_hooks


@pytest.mark.parametrize("name", ["lrp", "saliency", "uniform"])
def test_a_taken_name_is_refused(name):
    with pytest.raises(MethodError, match=f"there is a method '{name}' already; choose another name"):
        xs.register_method(name, lambda network, images, target: images)


@pytest.mark.parametrize("name", ["a:b", "a b", "", "a,b", "2nd"])
def test_a_name_that_cannot_be_written_is_refused(name):
    with pytest.raises(MethodError, match="a method needs a name of lower-case letters, digits and _"):
        xs.register_method(name, lambda network, images, target: images)


@pytest.mark.parametrize("shape", [(4, 3, 12, 12), (5, 2, 12, 12), (5, 12), (5, 3, 12, 6), (5, 1, 1, 12, 12)])
def test_a_relevance_that_does_not_fit_is_refused(shape, registries, network, images):
    xs.register_method("wrong", lambda network, images, target: torch.zeros(shape))
    with pytest.raises(ShapeError, match=r"relevance of method 'wrong' must be a tensor \(N, 3, H, W\), .*got"):
        xs.attribute(network, images, method="wrong")


def test_a_relevance_that_is_no_tensor_is_refused(registries, network, images):
    xs.register_method("wrong", lambda network, images, target: np.zeros((5, 12, 12)))
    with pytest.raises(ShapeError, match=r"relevance of method 'wrong' must be a tensor .*got ndarray"):
        xs.attribute(network, images, method="wrong")


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("lrp", "lrp", {"composite": DEFAULT_COMPOSITE, "smooth": 0}),
        ("lrp:stabilizer=0.1", "lrp:stabilizer=0.1", {"composite": f"{DEFAULT_COMPOSITE}:stabilizer=0.1", "smooth": 0}),
        ("lrp:epsilon-plus-flat", "lrp:epsilon_plus_flat", {"composite": "epsilon_plus_flat", "smooth": 0}),
        ("lrp:gamma=0.1", "lrp:gamma=0.1", {"composite": "epsilon_gamma_box:gamma=0.1", "smooth": 0}),
        (
            "lrp:contrast:epsilon-gamma-box:gamma=0.1",
            "lrp:epsilon_gamma_box:gamma=0.1:contrast",
            {"composite": "epsilon_gamma_box:gamma=0.1", "smooth": 0},
        ),
        ("lrp:smooth=1", "lrp:smooth=1", {"composite": DEFAULT_COMPOSITE, "smooth": 1}),
        ("integrated-gradients", "integrated_gradients", {"steps": 20}),
        (" occlusion : stride = 2 ", "occlusion:stride=2", {"window": 0, "stride": 2}),
        ("smoothgrad:contrast:noise=1", "smoothgrad:noise=1:contrast", {"samples": 20, "noise": 1.0, "seed": 0}),
    ],
)
def test_specifications(text, name, options):
    method = find_method(text)
    assert (method.name, method.options) == (name, options)
    assert method.contrast == ("contrast" in text)
    assert method.composite == options.get("composite")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("grad_cam", MethodError, "no method 'grad_cam'; there are lrp, saliency, input_x_gradient"),
        ("", MethodError, "no method ''; there are lrp"),
        ("occlusion:size=3", MethodError, "method 'occlusion' has no option 'size'; it has window, stride"),
        ("saliency:abs", MethodError, "method 'saliency' has no option 'abs'; it has none"),
        ("occlusion:window", MethodError, "option 'window' of method 'occlusion' wants a value: window=..."),
        ("occlusion:window=big", MethodError, "window must be a whole number, got 'big'"),
        ("smoothgrad:noise=", MethodError, "noise must be a number, got ''"),
        ("uniform:contrast", MethodError, "'uniform' knows nothing of classes: it has no contrast"),
        ("lrp:no_such", RuleError, "no composite 'no_such'; there are epsilon, epsilon_plus"),
        (
            "lrp:epsilon:gamma=1",
            RuleError,
            "composite 'epsilon' has no parameter 'gamma'; it has bias, epsilon, stabilizer",
        ),
        ("lrp:epsilon_plus:epsilon=x", RuleError, "epsilon must be a number, got 'x'"),
        ("lrp:epsilon:epsilon_plus", RuleError, "no composite 'epsilon:epsilon_plus'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(text, error, message):
    with pytest.raises(error, match=message):
        find_method(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("occlusion:window=13", "the window must fit into the image of 12 x 12"),
        ("occlusion:window=2:stride=3", "got window=2 and stride=3"),
        ("occlusion:window=-1", "window must be from 0 to 10000, got -1"),
        ("integrated_gradients:steps=0", "steps must be from 1 to 100000, got 0"),
        ("smoothgrad:samples=0", "samples must be from 1 to 100000, got 0"),
        ("smoothgrad:noise=-1", "noise must be from 0 to 100, got -1"),
        ("gradient_shap:samples=-1", "samples must be from 1 to 100000, got -1"),
        ("feature_ablation:segments=0", "segments must be from 1 to 10000, got 0"),
        ("kernel_shap:samples=0", "samples must be from 1 to 100000, got 0"),
        ("random:seed=-1", "seed must be from 0 to 4294967295, got -1"),
        ("integrated_gradients:steps=99999999", "steps must be from 1 to 100000, got 99999999"),
        ("smoothgrad:noise=nan", "noise must be a number that is finite, got 'nan'"),
        ("smoothgrad:noise=1e999", "noise must be a number that is finite, got '1e999'"),
        ("occlusion:window=4:window=5", "option 'window' is given twice"),
        ("smoothgrad:seed=4294967296", "seed must be from 0 to 4294967295, got 4294967296"),
    ],
)
def test_options_that_do_not_fit_are_refused(text, message, network, images):
    with pytest.raises(MethodError, match=message):
        find_method(text)(network, images)


def test_composite_and_rules_are_for_lrp(network, images):
    explained = xs.attribute(network, images, 1, composite="epsilon-plus", rules={"0": "flat"})
    assert (explained.method, explained.composite) == ("lrp:epsilon_plus", "epsilon_plus")
    close(explained.relevance, xs.lrp(network, images, 1, composite="epsilon_plus_flat"))
    for arguments in ({"composite": "epsilon"}, {"rules": {"0": "flat"}}):
        with pytest.raises(MethodError, match="composite and rules are for method lrp alone, not for 'saliency'"):
            xs.attribute(network, images, method="saliency", **arguments)
    with pytest.raises(MethodError, match="has a composite already"):
        xs.attribute(network, images, method="lrp:epsilon", composite="epsilon_plus")


@pytest.mark.parametrize("text", ["saliency", "uniform", "lrp:epsilon"])
@pytest.mark.parametrize("target", [5, -1, torch.tensor([0, 1]), torch.zeros(5)])
def test_a_target_that_does_not_fit_is_refused(text, target, network, images):
    with pytest.raises(ShapeError, match=r"target (and against )?must"):
        find_method(text)(network, images, target)


def test_every_method_says_what_it_does_and_where_it_comes_from():
    bibliography = (REPOSITORY / "docs" / "references.bib").read_text(encoding="utf-8")
    for method in methods():
        english, german = (method.description(language) for language in ("en", "de"))
        assert (english[-1], german[-1]) == (".", ".")
        assert method.control == english.startswith("Control: ") == german.startswith("Kontrolle: ")
        assert method.control or f"{{{method.source}," in bibliography


@pytest.mark.parametrize(
    "text", ["smoothgrad:samples=4", "gradient_shap:samples=4", "kernel_shap:samples=9", "gradcam"]
)
def test_threads_get_what_one_thread_gets(text, network, images):
    """Whether they share a prepared method or each have their own; the global generators are the process's."""
    shared = find_method(text).prepared(network)
    if text == "gradcam":  # long enough for another thread to come into its hooks
        images = images.repeat(40, 1, 1, 1)
    batches = [(images.roll(turn, dims=0), turn % 5) for turn in range(16)]
    wanted = [shared(*batch).relevance for batch in batches]
    barrier = threading.Barrier(4, timeout=60)

    def explain(batch, explain):
        barrier.wait()
        return explain(*batch).relevance

    for each in (shared, lambda *batch: find_method(text)(network, *batch)):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda batch, each=each: explain(batch, each), batches))
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    "texts",
    [
        ("lrp", "lrp:gamma=0.05", "lrp:epsilon_gamma_box:gamma=0.05", "lrp:gamma=5e-2:epsilon=0.000001"),
        ("lrp:epsilon_gamma_box", "lrp:gamma=0.25", "lrp:epsilon-gamma-box:gamma=0.250"),
        ("lrp:gamma=0.1", "lrp:gamma=0.10", "lrp:gamma=0.1:stabilizer=1e-6"),
        ("lrp:contrast", "lrp:gamma=0.05:contrast", "lrp:contrast:gamma=0.05"),
        ("occlusion:window=8", "occlusion:stride=0:window=8"),
        ("smoothgrad", "smoothgrad:noise=0.150", "smoothgrad:noise=15e-2:seed=0"),
    ],
)
def test_one_method_counts_once_however_it_is_written(texts, network, images):
    assert len({find_method(text).key for text in texts}) == 1
    (chosen,) = select_methods(texts)
    assert chosen.name == texts[0]
    one, other = (find_method(text)(network, images).relevance for text in (texts[0], texts[-1]))
    assert torch.equal(one, other)


def test_methods_that_differ_have_other_keys():
    texts = (
        *SPECIFICATIONS,
        "lrp",
        "lrp:contrast",
        "lrp:gamma=0.06",
        "occlusion",
        "saliency:contrast",
        "random:seed=1",
    )
    assert len({find_method(text).key for text in texts}) == len(texts)
    rules = [None, {"0": "flat"}, {"0": "epsilon"}, {0: "flat"}, {nn.Conv2d: "flat"}]
    assert len({find_method("lrp", rules=one).key for one in rules}) == len(rules)


def test_a_contrast_of_a_single_class_is_refused(images):
    with pytest.raises(MethodError, match="a contrast needs a network of 2 classes or more"):
        find_method("saliency:contrast")(nn.Sequential(nn.Flatten(), nn.Linear(432, 1)).double(), images)


def test_one_text_may_name_several_methods():
    assert [method.name for method in select_methods("lrp, edges")] == ["lrp", "edges"]


def test_memory_is_bounded(network, generator, monkeypatch):
    """However many images there are, the network sees no more than a batch of them, or of their copies."""
    seen = []
    forward = nn.Linear.forward

    def watched(layer, x):
        seen.append(len(x))
        return forward(layer, x)

    monkeypatch.setattr(nn.Linear, "forward", watched)
    images = torch.randn(70, 3, 12, 12, generator=generator, dtype=torch.float64)
    for text in EXPLAINING:
        # Every one of its samples is a pass of its own, whatever the number of images.
        few = text.startswith("kernel_shap")
        find_method("kernel_shap:samples=70" if few else text)(network, images[:2] if few else images, 1)
    assert max(seen) <= 2 * prepared.BATCH  # DeepLift takes the baselines beside the images


def test_smooth_is_the_mean_over_shifts(network, images):
    smooth, plain = find_method("lrp:epsilon_plus_flat:smooth=1"), find_method("lrp:epsilon_plus_flat")
    target = torch.tensor([0, 1, 2, 3, 4])
    wanted = torch.zeros_like(images)
    for by in [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]:
        wanted += shifted_back(plain(network, shifted(images, by), target).relevance, by) / 9
    found = smooth(network, images, target)
    close(found.relevance, wanted)
    close(found.logits, network(images).detach())
    assert smooth.key == "lrp:epsilon_plus_flat:smooth=1"
    assert find_method("lrp:epsilon_plus_flat:smooth=0").key == plain.key


def test_smooth_takes_the_default_composite_and_one_by_name():
    assert find_method("lrp:smooth=2").key == f"lrp:{DEFAULT_COMPOSITE}:smooth=2"
    assert find_method("lrp:smooth=2", composite="epsilon_plus").key == "lrp:epsilon_plus:smooth=2"


@pytest.mark.parametrize("value", ["9", "-1", "0.5", "x"])
def test_smooth_has_a_range(value):
    with pytest.raises(MethodError, match="smooth must be"):
        find_method(f"lrp:smooth={value}")


@pytest.mark.parametrize("extra", [{"ledger": True}, {"layers": ["features.0"]}, {"channels": {"features.0": [0]}}])
def test_smooth_keeps_no_ledger_and_no_layers(network, images, extra):
    with pytest.raises(MethodError, match="leave it out"):
        find_method("lrp:smooth=1").prepared(network)(images, 0, **extra)


def test_a_label_is_the_name_as_people_write_it_and_options_as_they_are_typed(registries):
    assert all(method.label("en") != method.name for method in methods())
    xs.register_method("my_own", lambda network, images, target: images)
    labels = {
        "input-x-gradient": ("Input × gradient", "Eingabe × Gradient"),
        "occlusion:window=8": ("Occlusion:window=8", "Occlusion:window=8"),
        "lrp:epsilon_plus:contrast": ("LRP:epsilon_plus:contrast",) * 2,
        "my_own:contrast": ("my_own:contrast",) * 2,
    }
    assert {name: tuple(find_method(name).label(language) for language in ("en", "de")) for name in labels} == labels
