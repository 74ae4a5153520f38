"""Times LRP against one gradient, plain Captum and Zennit, interleaved in one process.

    python benchmarks/lrp.py [--repeats 7] [--model stickered] [--device cpu]

Explainers are built outside the timing. Prints medians in milliseconds, how many times the gradient's time ours takes,
and how many times ours the others take.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from captum.attr import LRP as CaptumLRP  # noqa: N811 (a name, not a constant)
from captum.attr._utils.lrp_rules import EpsilonRule, PropagationRule
from torch import Tensor, nn
from torch.nn.functional import one_hot
from zennit.attribution import Gradient
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

import xaisigns as xs
from xaisigns.attribution.network import leaves
from xaisigns.base.torch_state import own_torch_state

Explainer = Callable[[Tensor, Tensor], Tensor]


class _Weights(PropagationRule):
    """Captum's own way to write a rule: change the weights for the second pass."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        self.change = change
        self.STABILITY_FACTOR = 1e-6

    def _manipulate_weights(self, module: nn.Module, inputs: object, outputs: object) -> None:
        if isinstance(module, nn.Conv2d):
            module.weight.data = self.change(module.weight.data)
            module.bias.data = self.change(module.bias.data)


class _Plain(_Weights):
    """Leaves the gradient alone."""

    def forward_hook(self, module: nn.Module, inputs: object, outputs: Tensor) -> Tensor:
        return outputs


def captum(network: nn.Module, composite: str) -> Explainer:
    """Captum's LRP with rules set by hand before each call, since it deletes them.

    Its first layer takes epsilon in place of flat and z-box, which it lacks.
    """
    explainer = CaptumLRP(network)
    change = {
        "epsilon_plus_flat": lambda value: value.clamp(min=0),
        "epsilon_gamma_box": lambda value: value + 0.25 * value.clamp(min=0),
    }[composite]
    layers = list(leaves(network).values())
    first = next(layer for layer in layers if isinstance(layer, nn.Conv2d))

    def call(x: Tensor, target: Tensor) -> Tensor:
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and layer is not first:
                layer.rule = _Weights(change)
            elif isinstance(layer, nn.MaxPool2d | nn.Flatten | nn.Identity):
                layer.rule = _Plain(change)
            elif not isinstance(layer, nn.ReLU):
                layer.rule = EpsilonRule(1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return explainer.attribute(x.clone().requires_grad_(), target=target)

    return call


def zennit(network: nn.Module, composite: str, bounds: tuple[Tensor, Tensor]) -> Explainer:
    """Zennit's composite on the folded network."""
    chosen = EpsilonPlusFlat() if composite == "epsilon_plus_flat" else EpsilonGammaBox(low=bounds[0], high=bounds[1])

    def call(x: Tensor, target: Tensor) -> Tensor:
        with Gradient(network, chosen) as attributor:
            return attributor(x, lambda logits: one_hot(target, logits.shape[1]) * logits)[1]

    return call


def gradient(network: nn.Module) -> Explainer:
    """One gradient of the target logit by the pixels, in the faster memory order."""
    fast = network.to(memory_format=torch.channels_last)

    def call(x: Tensor, target: Tensor) -> Tensor:
        leaf = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        return torch.autograd.grad(fast(leaf).gather(1, target[:, None]).sum(), leaf)[0]

    return call


def medians(calls: dict[str, Explainer], x: Tensor, target: Tensor, repeats: int, inner: int) -> dict[str, float]:
    """Median milliseconds of each call, taken in turns after one warm-up; what a GPU was asked for is waited for."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    wait = torch.cuda.synchronize if x.is_cuda else lambda: None
    for turn in range(repeats + 1):
        for name, call in calls.items():
            wait()
            start = time.perf_counter()
            for _ in range(inner):
                call(x, target)
            wait()
            if turn:
                taken[name].append((time.perf_counter() - start) / inner * 1000)
    return {name: statistics.median(values) for name, values in taken.items()}


@own_torch_state()  # on a GPU all of them compute in full float32, and not only ours
def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--model", default="stickered")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    model = xs.load_model(arguments.model, device=arguments.device)
    generator = torch.Generator().manual_seed(0)
    bounds = (model.bounds[0].to(model.device), model.bounds[1].to(model.device))
    where = torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else model.device
    print(f"torch {torch.__version__} on {where}, {torch.get_num_threads()} threads, medians of {arguments.repeats}")
    for batch in (1, 32):
        x = torch.randn(batch, 3, 64, 64, generator=generator).clamp(*model.bounds).to(model.device)
        target = model(x).argmax(dim=1)
        for composite in ("epsilon_plus_flat", "epsilon_gamma_box"):
            calls = {
                "ours": xs.LRP(model, composite, bounds=model.bounds).attribute,
                "gradient": gradient(xs.canonize(model)),
                "captum": captum(xs.canonize(model), composite),
                "zennit": zennit(xs.canonize(model), composite, bounds),
            }
            times = medians(calls, x, target, arguments.repeats, inner=1 if batch > 1 else 10)
            ours = times["ours"]
            told = [f"ours {ours:.1f} ms", f"gradient {times['gradient']:.1f} (ours {ours / times['gradient']:.2f} x)"]
            told += [f"{name} {times[name]:.1f} ({times[name] / ours:.2f} x ours)" for name in ("captum", "zennit")]
            print(f"batch {batch:2d}, {composite}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
