"""Every function and method that is taken, called in each way that torch has, gives what the network itself gives."""

import operator

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

import xaisigns as xs
from tests.attribution.oracle import peak
from xaisigns.attribution import functions
from xaisigns.attribution.layers import GATES, Affine, Concatenation, Gate, Mean, Rearrangement, Sum
from xaisigns.attribution.network import calls, leaves
from xaisigns.attribution.recording import record
from xaisigns.errors import RuleError

KNOWN = {"torch": torch, "torchvision": torchvision, "F": functional, "operator": operator}


class Calling(nn.Module):
    """Calls what an expression says with ``x`` and ``y``, ``(N, 4, 6, 6)``, weights ``w`` and a gate ``g``."""

    def __init__(self, expression, outputs=None):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.weight = nn.Parameter(torch.rand(4) + 0.5)
        self.scale = nn.Parameter(torch.rand(4, 1, 1) + 0.5)
        self.register_buffer("order", torch.tensor([2, 0, 3, 1]))
        self.expression = eval(f"lambda self, x, y, g, w, s, i: {expression}", KNOWN)
        self.head = nn.Identity() if outputs is None else nn.Linear(outputs, 3)

    def forward(self, images):
        x, y = self.first(images), self.second(images)
        g = torch.sigmoid(y.mean((2, 3), keepdim=True))
        return self.head(self.expression(self, x, y, g, self.weight, self.scale, self.order).flatten(1))


def convolution(dims):
    sizes = ", ".join("3" for _ in range(dims))
    return f"torch.ones(2, 4, {sizes}, dtype=w.dtype) * w.view(1, 4, *[1] * {dims}), w[:2]"


AS_1D, AS_3D = "x.flatten(2)", "x.unsqueeze(2)"
SAME = [
    "torch.relu(x)",
    "F.relu(x)",
    "F.relu(input=x)",
    "x.relu()",
    "F.relu6(x * 9)",
    "F.leaky_relu(x, 0.2)",
    "F.elu(x, alpha=0.5)",
    "F.celu(x, 0.7)",
    "F.selu(x)",
    "F.gelu(x, approximate='tanh')",
    "F.silu(x)",
    "F.mish(x)",
    "F.hardswish(x * 5)",
    "F.hardtanh(x * 5, -1.5, 2)",
    "F.softplus(x, 2, 5)",
    "torch.tanh(x)",
    "x.tanh()",
    "torch.sigmoid(x)",
    "x.sigmoid()",
    "F.hardsigmoid(x)",
    "F.pixel_shuffle(x, 2)",
    "F.pixel_unshuffle(x, 2)",
    "F.channel_shuffle(x, 2)",
    f"F.max_pool1d({AS_1D}, 3, 2)",
    "F.max_pool2d(x, 3, stride=2, padding=1)",
    "F.max_pool2d(x, (2, 3))",
    f"F.max_pool3d({AS_3D}, (1, 2, 2))",
    f"F.avg_pool1d({AS_1D}, 3)",
    "F.avg_pool2d(x, 3, 2, 1, False, False)",
    "F.avg_pool2d(x, x.shape[2:])",
    "F.avg_pool2d(x, x.size()[2:])",
    f"F.avg_pool3d({AS_3D}, (1, 2, 2))",
    f"F.adaptive_max_pool1d({AS_1D}, 5)",
    "F.adaptive_max_pool2d(x, 2)",
    f"F.adaptive_max_pool3d({AS_3D}, (1, 2, 2))",
    f"F.adaptive_avg_pool1d({AS_1D}, 5)",
    "F.adaptive_avg_pool2d(x, (1, 1))",
    f"F.adaptive_avg_pool3d({AS_3D}, (1, 2, 2))",
    "torch.flatten(x, 1)",
    "x.flatten(start_dim=2)",
    "x.contiguous()",
    "x.clone()",
    "F.dropout(x, 0.5, self.training)",
    "F.dropout(x, p=0.0)",
    f"F.dropout1d({AS_1D}, 0.5, self.training)",
    "F.dropout2d(x, training=self.training)",
    f"F.dropout3d({AS_3D}, training=self.training)",
    "F.alpha_dropout(x, training=self.training)",
    "F.feature_alpha_dropout(x, training=self.training)",
    "torchvision.ops.stochastic_depth(x, 0.5, 'row', self.training)",
    "x.view(x.size(0), -1)",
    "x.view(x.shape[0], 2, 2, 6, 6)",
    "x.reshape(-1, 144)",
    "x.reshape((x.size(0), 4, -1))",
    "torch.reshape(x, (-1, 144))",
    "x.permute(0, 2, 3, 1)",
    "torch.permute(x, (0, 3, 1, 2))",
    "x.transpose(1, 2)",
    "torch.transpose(x, -1, 1)",
    "x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(-1)",
    "torch.squeeze(x.mean(2, keepdim=True), 2)",
    "x.unsqueeze(1)",
    "x.unflatten(1, (2, 2))",
    "x[:, 1:3]",
    "x[:, 0]",
    "x[..., ::2, 1:]",
    "x[:, i]",
    "x.narrow(1, 1, 2)",
    "x.select(1, 3)",
    "x.movedim(1, -1)",
    "torch.moveaxis(x, 1, 2)",
    "x.swapaxes(1, 2)",
    "torch.swapdims(x, 1, 2)",
    "x[:, 0, 0].t().t()",
    "x.mean((2, 3), keepdim=True).expand(-1, -1, 3, 3)",
    "x.repeat(1, 2, 1, 1)",
    "x.flip(3)",
    "torch.roll(x, 1, 2)",
    "F.pad(x, (1, 1, 0, 2))",
    "F.pad(x, (1, 1, 1, 1), mode='reflect')",
    "x.chunk(2, dim=1)[1]",
    "torch.split(x, 2, 1)[0]",
    "x.split([1, 3], dim=1)[1]",
    "torch.tensor_split(x, 3, dim=1)[2]",
    "x.unbind(1)[3]",
    "x.mean((2, 3))",
    "torch.mean(x, dim=[-1, -2])",
    "x.mean(1)",
    "torch.cat((x, y), 1)",
    "torch.cat([x, y, x], dim=-1)",
    "torch.cat(tensors=(x, y), dim=1)",
    "torch.concat((x, y), dim=2)",
    "torch.concatenate((x, y), axis=1)",
    "F.interpolate(x, scale_factor=2)",
    "F.interpolate(x, (9, 9), mode='bilinear', align_corners=False)",
    "F.interpolate(x, size=y.shape[2:])",
    "x.clamp(min=0)",
    "torch.clamp(x, -0.5, 0.5)",
    "x.clip(0, 0.5)",
    "x + y",
    "torch.add(x, y)",
    "torch.add(x, other=y)",
    "x.add(1)",
    "2.5 + x",
    "x + s",
    "x + 0",
    "x - y",
    "1 - x",
    "torch.sub(x, 0.5)",
    "torch.subtract(x, y)",
    "x * 2",
    "s * x",
    "x.mul(s)",
    "torch.multiply(x, s)",
    "x * g",
    "g * x",
    "x * torch.tanh(y)",
    "x * F.relu6(x + 3) / 6",
    "x * (F.relu6(y + 3) / 6)",
    "x * (1 + g)",
    "x * g.expand_as(x)",
    "x / 3",
    "torch.div(x, s)",
    "torch.divide(x, 2)",
    "torch.true_divide(x, 2)",
    "operator.truediv(x, 4)",
    "-x",
    "torch.neg(x)",
    "torch.negative(x)",
    f"F.conv1d({AS_1D}, {convolution(1)})",
    f"F.conv2d(x, {convolution(2)}, padding=1, stride=2)",
    "F.conv2d(x, self.first.weight[:, :1], None, 1, 1, 1, 4)",
    f"F.conv3d({AS_3D}.repeat(1, 1, 3, 1, 1), {convolution(3)})",
    "F.linear(x.flatten(1), torch.ones(5, 144, dtype=w.dtype), torch.ones(5, dtype=w.dtype))",
    "F.batch_norm(x, (w - 1).detach(), (w + 1).detach(), w, w * 2, eps=0.1)",
    "F.batch_norm(x, (w - 1).detach(), (w + 1).detach())",
    "F.layer_norm(x, (6, 6))",
    "F.layer_norm(x.permute(0, 2, 3, 1), (4,), w, w + 1, 1e-3)",
    "F.group_norm(x, 2, w, w)",
    "F.group_norm(x, 2)",
    "x + x.amax((2, 3), keepdim=True)",
    "x.max(1, keepdim=True)[0] + x",
    "torch.max(x, dim=2)[0]",
    "torch.max(x, x.flip(3))",
    "torch.maximum(x, x.flip(3))",
    "x.sum((2, 3))",
    "x.flatten(2).sum(-1, keepdim=True)",
    "x + x.mean((2, 3)).view_as(x[:, :, :1, :1])",
    "x + x.flip(3).reshape_as(x)",
    "x.double()",
    "x.to(torch.float64)",
    "x.type_as(x)",
]
# These change what they are given: it is used again afterwards.
IN_PLACE = [
    "F.relu(x, inplace=True) + x",
    "F.relu(x, True) + x",
    "F.leaky_relu(x, 0.1, True) + x",
    "torch.relu_(x) + x",
    "x.relu_() - x * 2",
    "x.add_(y) + x",
    "x.sub_(1) + x",
    "x.mul_(2) + x",
    "x.div_(s) + x",
    "x.clamp_(min=0) + x",
    "operator.iadd(x, y) + x",
    "operator.isub(x, y) + x",
    "operator.imul(x, g) + x",
    "operator.itruediv(x, 2) + x",
]
# Other digits than the network's: its outputs show it.
ROUNDED = {"float", "half"}
NAMES = {name for known, _ in functions._MAKERS for name in (*known, *functions.SPLITS)}


def called_names(network):
    return {functions.called_name(node) for node in record(network).graph.nodes if node.op.startswith("call_")}


@pytest.fixture
def images():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("expression", SAME + IN_PLACE)
def test_what_is_called_gives_the_same_as_a_layer_and_is_explained(expression, images):
    outputs = Calling(expression).double().eval()(images).shape[1]
    network = Calling(expression, outputs).double().eval()
    wanted = network(images)
    copy = xs.canonize(network)
    torch.testing.assert_close(copy(images), wanted, rtol=0, atol=1e-9 * peak(wanted))
    own = {kind: "epsilon" for kind in GATES if any(isinstance(layer, kind) for layer in leaves(copy).values())}
    lrp = xs.LRP(network, "epsilon_plus", own)
    if ".t()" in expression:
        with pytest.raises(RuleError, match="images lie elsewhere than along the first dimension at layer 't'"):
            lrp.ledger(images, 1)
        return
    told = lrp.propagate(images, 1, ledger=True)
    absorbed = sum(entry.bias + entry.stabilizer for entry in told.ledger)
    torch.testing.assert_close(told.relevance.sum((1, 2, 3)) + absorbed, wanted[:, 1].detach(), rtol=1e-9, atol=1e-9)


def test_all_that_is_known_is_tried():
    tried = set.union(*(called_names(Calling(expression)) for expression in SAME))
    assert NAMES - tried == ROUNDED


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("x + y", Sum),
        ("x - y", Sum),
        ("x + s", Affine),
        ("x + 0", nn.Identity),
        ("x * s", Affine),
        ("g * x", Gate),
        ("torch.cat((x, y), 1)", Concatenation),
        ("x.mean((2, 3))", Mean),
        ("x.permute(0, 2, 3, 1)", Rearrangement),
        ("x.clamp(min=0)", nn.ReLU),
        ("x.clamp(-1, 2)", nn.Hardtanh),
        ("F.avg_pool2d(x, x.shape[2:])", nn.AdaptiveAvgPool2d),
        ("x.view(x.size(0), -1)", nn.Flatten),
    ],
)
def test_what_is_called_becomes_a_layer_with_its_kind_of_rule(expression, kind):
    *_, layer, _flatten, _head = leaves(xs.canonize(Calling(expression))).values()
    assert type(layer) is kind


@pytest.mark.parametrize("expression", ["x * g", "g * x"])
def test_the_signal_of_a_gate_is_what_no_sigmoid_gives(expression):
    (gate,) = (call for call in calls(xs.canonize(Calling(expression))) if isinstance(call.layer, Gate))
    signal, other = gate.node.args
    assert signal.target == "first"
    assert other.target == "sigmoid"


@pytest.mark.parametrize(
    ("expression", "name", "message"),
    [
        ("x @ y", "matmul", "relevance through attention needs rules of its own"),
        ("torch.bmm(x[:, 0], y[:, 0])", "bmm", "relevance through attention"),
        ("torch.einsum('nchw,nchw->nc', x, y)", "einsum", "relevance through attention"),
        ("F.scaled_dot_product_attention(x, y, x)", "scaled_dot_product_attention", "relevance through attention"),
        ("F.softmax(x, 1)", "softmax", "what is explained is logits"),
        ("x.log_softmax(1)", "log_softmax", "what is explained is logits"),
        ("x ** 2", "pow", "no rule is known for it; docs/networks.md says what is taken"),
        ("x.exp()", "exp", "no rule is known"),
        ("x * y", "mul", "it multiplies two signals, and neither is a gate"),
        ("x * x", "mul", "it multiplies two signals"),
        ("g * torch.sigmoid(g)", "mul", "it multiplies two signals"),
        ("x / y", "truediv", "it divides by what depends on the images"),
        ("1 / x", "truediv", "it divides by what depends on the images"),
        ("torch.div(x, 2, rounding_mode='floor')", "div", "it divides by"),
        ("torch.add(x, y, alpha=2)", "add", "its alpha is not 1; multiply before"),
        ("torch.sub(x, y, alpha=2)", "sub", "its alpha is not 1; multiply before"),
        ("x.mean()", "mean", "a mean over the images mixes them"),
        ("x.mean(0, keepdim=True)", "mean", "a mean over the images mixes them"),
        ("x.mean((0, 2, 3))", "mean", "a mean over the images mixes them"),
        ("torch.cat((x, w.expand(2, 4, 6, 4)), 3)", "cat", "it joins what does not come from the images"),
        ("F.max_pool2d(x, 2, return_indices=True)[0]", "max_pool2d_with_indices", "it also returns indices"),
        ("F.max_pool2d(x, x.shape[2])", "max_pool2d", "its kernel_size depends on the size of the images"),
        ("x.clamp(1, 0)", "clamp", "its arguments are not those of Hardtanh: "),
        ("F.dropout(x)", "dropout", "it drops values in eval mode, too"),
        ("F.pad(x, (1, 1), value=3)", "pad", "it pads with another value than zero"),
        ("x.clamp(max=1)", "clamp", "it is no activation: give it two numbers"),
        ("x * x.shape[2]", "mul", "it computes with the size of the images"),
        ("F.batch_norm(x, None, None, training=True)", "batch_norm", "it takes its statistics from the batch"),
        ("F.batch_norm(x, w, w, training=True)", "batch_norm", "it takes its statistics from the batch"),
        ("F.conv2d(x, y)", "conv2d", "its weights depend on the images"),
        ("F.linear(x, y[0, 0])", "linear", "its weights depend on the images"),
        ("F.group_norm(x, 2, x[0, :, 0, 0])", "group_norm", "its weights depend on the images"),
        ("F.layer_norm(x, (6,), x[0, 0, 0])", "layer_norm", "its weights depend on the images"),
    ],
)
def test_what_has_no_rule_is_refused_by_name_and_line(expression, name, message):
    network = nn.Sequential(Calling(expression))
    with pytest.raises(RuleError, match=rf"LRP cannot take '_*{name}' in '0' \(.*line \d+\): {message}"):
        xs.canonize(network)


def test_a_call_that_does_not_fit_is_refused_before_a_wrong_answer(images):
    """What works in place on a view changes what it is a view of, which no layer does."""
    network = Calling("x[:, 0].relu_().unsqueeze(1) + x", 144).double().eval()
    with pytest.raises(RuleError, match="gives other outputs than its layers do"):
        xs.lrp(network, images, 1)
