"""Measures LRP on the architectures of torchvision.models, with random weights: the table of docs/networks.md.

    python benchmarks/networks.py [--names resnet18,...] [--batch 1] [--repeats 5] [--zennit]

In float64: the largest difference between the logits of the canonized network and of the module, in parts of the
largest logit; how well the ledger closes, node by node and as a whole, in parts of the target's logit; the largest
relevance of a layer, in logits. In float32: the time of LRP with the default composite against one gradient of the
canonized network, medians taken in turns. Prints a row of a Markdown table for each network; with ``--zennit``, which
knows ResNets, a last column says how many times ours Zennit takes with its canonizer of these.
"""

import argparse
import statistics
import time
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torchvision import models
from zennit.attribution import Gradient
from zennit.composites import EpsilonGammaBox
from zennit.torchvision import ResNetCanonizer

import xaisigns as xs

NAMES = (
    "alexnet",
    "vgg11",
    "vgg16_bn",
    "resnet18",
    "resnet50",
    "wide_resnet50_2",
    "resnext50_32x4d",
    "densenet121",
    "googlenet",
    "inception_v3",
    "squeezenet1_1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "mnasnet1_0",
    "shufflenet_v2_x1_0",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "convnext_tiny",
)
BOUNDS = (torch.full((1, 3, 1, 1), -2.0), torch.full((1, 3, 1, 1), 2.0))


class Measured(NamedTuple):
    """What the table says of an architecture, but for the times."""

    outputs: float
    ledger: float
    largest: float
    layer: str
    finite: bool


def side_of(name: str) -> int:
    """Pixels of the side of the images that an architecture is built for."""
    return 299 if name == "inception_v3" else 224


def built(name: str, side: int, classes: int = 43) -> nn.Module:
    """A network in eval mode with random weights, and with statistics in its BatchNorms that are those of its values.

    Without them the values of a deep network would vanish or grow without end, which they do in no trained one.
    """
    torch.manual_seed(0)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    network = models.get_model(name, num_classes=classes, **options).train()
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = None
    with torch.no_grad():
        network(images(8, side))
    return network.eval()


def images(count: int, side: int) -> Tensor:
    """Noise between ``BOUNDS``, of one seed, ``(N, 3, side, side)``."""
    low, high = BOUNDS
    return low + (high - low) * torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def measured(network: nn.Module, x: Tensor) -> Measured:
    """How exact LRP with the default composite is on a network, both in float64 for figures that mean something."""
    with torch.no_grad():
        logits = network(x)
    target = logits.argmax(dim=1)
    said = logits.gather(1, target[:, None]).squeeze(1)
    told = xs.LRP(network, bounds=BOUNDS).propagate(x, target, ledger=True)
    outputs = float((told.logits - logits).abs().max() / logits.abs().max())
    entries = told.ledger or []
    absorbed = [entry.bias + entry.stabilizer for entry in entries]
    nodes = [entry.received - entry.passed - lost for entry, lost in zip(entries, absorbed, strict=True)]
    whole = said - sum(absorbed) - told.relevance.sum(dim=(1, 2, 3))
    ledger = max(float((off / said).abs().max()) for off in (*nodes, whole))
    largest, layer = max((float((entry.received / said).abs().max()), entry.assignment.layer) for entry in entries)
    return Measured(outputs, ledger, largest, layer, bool(told.relevance.isfinite().all()))


def times(network: nn.Module, x: Tensor, repeats: int, *, with_zennit: bool = False) -> list[float]:
    """Median seconds of LRP, of one gradient of the canonized network in its memory order and, if wanted, of Zennit."""
    lrp = xs.LRP(network, bounds=BOUNDS)
    copy = xs.canonize(network).to(memory_format=torch.channels_last)
    target = network(x).argmax(dim=1)
    theirs = EpsilonGammaBox(low=BOUNDS[0], high=BOUNDS[1], canonizers=[ResNetCanonizer()])

    def gradient() -> None:
        leaf = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        torch.autograd.grad(copy(leaf).gather(1, target[:, None]).sum(), leaf)

    def zennit() -> None:
        with Gradient(network, theirs) as attributor:
            attributor(x, lambda logits: one_hot(target, logits.shape[1]) * logits)

    calls = [lambda: lrp.attribute(x, target), gradient, *([zennit] if with_zennit else [])]
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for call, own in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            if turn:
                own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in taken]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=lambda text: text.split(","), default=NAMES)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--zennit", action="store_true")
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {arguments.batch}")
    heads = [
        "network",
        "outputs off by",
        "ledger off by",
        "largest relevance of a layer",
        "LRP",
        "against one gradient",
    ]
    heads += ["Zennit takes"] * arguments.zennit
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name in arguments.names:
        side = side_of(name)
        network = built(name, side)
        lrp, *others = times(network, images(arguments.batch, side), arguments.repeats, with_zennit=arguments.zennit)
        told = measured(network.double(), images(2, side).double())
        if not told.finite:
            raise SystemExit(f"{name}: relevance is not finite")
        outputs = f"{told.outputs:.0e}" if told.outputs else "0"
        cells = [f"`{name}`", outputs, f"{told.ledger:.0e}", f"{told.largest:.1f} x (`{told.layer}`)"]
        cells += [
            f"{1000 * lrp:.0f} ms",
            f"{lrp / others[0]:.2f} x",
            *(f"{other / lrp:.2f} x ours" for other in others[1:]),
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
