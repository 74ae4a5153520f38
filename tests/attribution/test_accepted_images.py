"""Which images are taken, which are refused, and that both are told in words."""

import pytest
import torch

import xaisigns as xs
from tests.attribution.agreement import network
from tests.attribution.networks import BOUNDS, pixels
from xaisigns.attribution.accepted_images import Images, misfit
from xaisigns.attribution.methods import find_method
from xaisigns.errors import ShapeError

IMAGES = {
    "no tensor": (lambda x: x.numpy(), "images must be a tensor"),
    "uint8": (lambda x: x.byte(), "of floats, at least one; got"),
    "one image": (lambda x: x[0], r"images must be \(N, C, H, W\)"),
    "none": (lambda x: x[:0], "at least one; got"),
    "no pixels": (lambda x: x[:, :, :0], "at least one; got"),
    "float64": (lambda x: x.double(), "images must be torch.float32 on cpu as the model is, got torch.float64"),
    "another device": (lambda x: x.to("meta"), "images must be torch.float32 on cpu .* got torch.float32 on meta"),
    "one channel": (lambda x: x[:, :1], r"does not take images \(2, 1, 16, 16\): layer '0' of type Conv2d says"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_do_not_fit_are_refused_at_every_entrance(name, images):
    change, message = IMAGES[name]
    net = network()
    lrp = xs.LRP(net, "epsilon_plus")
    for explain in (
        lambda x: lrp.attribute(x, 1),
        lambda x: lrp.ledger(x, 1),
        lambda x: xs.attribute(net, x, 1, method="saliency"),
        lambda x: xs.attribute(net, x, 1, method="uniform"),
    ):
        with pytest.raises(ShapeError, match=message):
            explain(change(images))


@pytest.mark.parametrize("method", ["lrp", "saliency"])
@pytest.mark.parametrize("raw", [torch.full((2, 3, 32, 32), 255.0), torch.full((2, 3, 32, 32), -255.0)])
def test_pixels_that_were_not_preprocessed_are_refused(raw, method, tiny_vgg):
    model = xs.Model(tiny_vgg.float(), xs.Preprocessing(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    message = f"have values from {raw.min():.4g} to {raw.max():.4g}, and this model's preprocessing gives -2 to 2: give"
    with pytest.raises(ShapeError, match=message):
        xs.attribute(model, raw, 1, method=method)
    find_method(method).prepared(tiny_vgg, BOUNDS)(raw, 1)  # what a bare module wants to see nobody knows


def test_pixels_that_were_changed_on_purpose_are_taken(tiny_vgg, generator):
    model = xs.Model(tiny_vgg.float(), xs.Preprocessing(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
    beyond = 8 * torch.randn(2, 3, 32, 32, generator=generator, dtype=torch.float32)
    assert xs.attribute(model, beyond, 1, method="saliency").relevance.isfinite().all()


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ShapeError, match=r"'features\.\d+' of type MaxPool2d says"):
        xs.attribute(xs.load_model("stickered"), torch.zeros(1, 3, 5, 5))


@pytest.mark.parametrize("bad", [torch.zeros(0, 3, 12, 12), torch.zeros(3, 12, 12), torch.zeros(1, 3, 12, 12).int()])
def test_what_are_no_images_is_refused(bad, tiny_vgg):
    with pytest.raises(ShapeError, match=r"images must be \(N, C, H, W\) of floats, at least one; got"):
        find_method("saliency")(tiny_vgg, bad)


def test_images_made_in_inference_mode(tiny_vgg, generator):
    x = pixels(2, 12, generator)
    wanted = xs.lrp(tiny_vgg, x, 1, bounds=BOUNDS)
    with torch.inference_mode():
        assert torch.equal(xs.lrp(tiny_vgg, x.clone(), 1, bounds=BOUNDS), wanted)


def test_images_come_without_their_graph_and_are_otherwise_the_same(images):
    followed = images.clone().requires_grad_()
    own = Images(xs.canonize(network())).own(followed * 1)
    assert torch.equal(own, images)
    assert (own.requires_grad, own.grad_fn) == (False, None)


def test_why_a_network_gives_no_logits_is_told_by_shapes_alone():
    net = xs.canonize(network())
    assert misfit(net, (3, 16, 16)) is None
    assert misfit(net, (1, 16, 16)).startswith("layer '0' of type Conv2d says: ")
    assert (
        misfit(xs.canonize(network()[:2]), (3, 16, 16)) == "it must give logits (N, classes), and gives (N, 8, 16, 16)"
    )
    assert {weight.device.type for weight in net.parameters()} == {"cpu"}


def test_an_error_that_is_none_of_the_images_stays_itself(images):
    with pytest.raises(KeyError), Images(xs.canonize(network())).told(images):
        raise KeyError("other")
    with (
        pytest.raises(ShapeError, match=r"^the model does not take images \(2, 1, 16, 16\): layer '0'"),
        Images(xs.canonize(network())).told(images[:, :1]),
    ):
        network()(images[:, :1])
