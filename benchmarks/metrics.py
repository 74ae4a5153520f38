"""Times the metrics against Quantus 0.6.0 on the same inputs, interleaved in one process.

    python benchmarks/metrics.py [--repeats 3] [--images 64] [--model stickered] [--processor-time]

Inputs are drawn signs with a sticker, explained by input x gradient. Quantus runs as a user would call it, with its
default batch of 64 and its default settings but for what both sides share (steps, samples, radius). "quantus, 32" is
Quantus with a batch of 32 instead; "network" is our side without everything but the network: the passes through it
alone, which no way of computing the same score can do without. Prints medians in milliseconds, and in brackets how many
times ours each takes. With --processor-time it counts what the processor spends, for a machine that others use, too.
"""

import argparse
import contextlib
import io
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

import xaisigns as xs
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.metrics.batches import BATCH, logits
from xaisigns.metrics.faithfulness import pixel_flipping
from xaisigns.metrics.heatmap import heatmap
from xaisigns.metrics.localisation import localisation_auc, pointing_game, relevance_mass, relevance_rank
from xaisigns.metrics.robustness import max_sensitivity

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import quantus

STEPS = 12  # Quantus wants a number of values in a step that divides the number of pixels.
SAMPLES = 10
RADIUS = 0.1
BEST_BATCH = 32  # the fastest of 8, 16, 32 and 128 for passes through the network alone
Call = Callable[[], object]


def input_x_gradient(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """The attribution of both sides."""
    leaf = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf).gather(1, target[:, None]).sum(), leaf)
    return leaf.detach() * gradient


def explain(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object) -> np.ndarray:
    """The same, as Quantus calls it."""
    return heatmap(input_x_gradient(model, torch.from_numpy(inputs), torch.from_numpy(targets)))[:, None].numpy()


def inputs(model: xs.model.classifier.Classifier, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images, masks of their stickers, and the class that the model calls each."""
    signs = [draw_sign(number % 43, 64, seed=number, sticker=xs.Sticker()) for number in range(count)]
    x = model.preprocess([sign.image for sign in signs])
    with torch.no_grad():
        target = model(x).argmax(dim=1)
    return x, torch.from_numpy(np.stack([sign.sticker_mask for sign in signs])), target


def network(asked: Callable[..., object], model: nn.Module, x: Tensor, target: Tensor, times: int) -> Call:
    """Nothing but asking the network this many times about each image, in our batches and memory order."""
    images = x.repeat(times, 1, 1, 1).contiguous(memory_format=torch.channels_last).split(BATCH)
    return lambda: [asked(model, *part) for part in zip(images, target.repeat(times).split(BATCH), strict=True)]


class Quantus:
    """Quantus' metrics on the same images, heatmaps, masks and targets."""

    def __init__(self, x: Tensor, relevance: Tensor, mask: Tensor, target: Tensor) -> None:
        self.arrays = {
            "x_batch": x.contiguous().numpy(),
            "y_batch": target.numpy(),
            "a_batch": heatmap(relevance)[:, None].numpy(),
            "s_batch": mask[:, None].numpy(),
            "channel_first": True,
        }

    def call(self, metric: str, *, settings: dict[str, object] | None = None, **given: object) -> Call:
        """One evaluation by the metric of this name with these settings."""
        make = getattr(quantus, metric)
        return lambda: make(disable_warnings=True, **settings or {})(**{"model": None, **self.arrays, **given})


def localisation(theirs: Quantus, relevance: Tensor, mask: Tensor) -> dict[str, dict[str, Call]]:
    """Of each localisation, and of all four, ours and Quantus'."""
    metrics = {
        "mass": (relevance_mass, "RelevanceMassAccuracy"),
        "rank": (relevance_rank, "RelevanceRankAccuracy"),
        "pointing": (pointing_game, "PointingGame"),
        "AUC": (localisation_auc, "AUC"),
    }
    single = {
        f"localisation, {name}": {"ours": lambda score=score: score(relevance, mask), "quantus": theirs.call(metric)}
        for name, (score, metric) in metrics.items()
    }
    together = {side: lambda side=side: [one[side]() for one in single.values()] for side in ("ours", "quantus")}
    return {"localisation, all four": together, **single}


def asking(
    theirs: Quantus, model: nn.Module, x: Tensor, relevance: Tensor, target: Tensor
) -> dict[str, dict[str, Call]]:
    """Of each metric that asks the network ours, Quantus' and the network alone."""
    flipping = {"features_in_step": x[0].numel() // STEPS, "perturb_baseline": "mean"}
    sensitivity = {"nr_samples": SAMPLES, "lower_bound": RADIUS}
    batches = {"quantus": 64, f"quantus, {BEST_BATCH}": BEST_BATCH}
    return {
        "pixel flipping": {
            "ours": lambda: pixel_flipping(model, x, relevance, target, steps=STEPS),
            **{
                name: theirs.call("PixelFlipping", settings=flipping, model=model, softmax=True, batch_size=size)
                for name, size in batches.items()
            },
            "network": network(lambda net, images, _: logits(net, images), model, x, target, STEPS + 1),
        },
        "largest sensitivity": {
            "ours": lambda: max_sensitivity(input_x_gradient, model, x, target, radius=RADIUS, samples=SAMPLES),
            **{
                name: theirs.call(
                    "MaxSensitivity", settings=sensitivity, model=model, explain_func=explain, batch_size=size
                )
                for name, size in batches.items()
            },
            "network": network(input_x_gradient, model, x, target, SAMPLES + 1),
        },
    }


def medians(sides: dict[str, Call], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median milliseconds of each side, taken in turns after one warm-up."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side, call in sides.items():
            start = clock()
            call()
            if turn:
                taken[side].append((clock() - start) * 1000)
    return {side: statistics.median(values) for side, values in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--model", default="stickered")
    parser.add_argument("--processor-time", action="store_true")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.processor_time else time.perf_counter
    model = xs.load_model(arguments.model)
    x, mask, target = inputs(model, arguments.images)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {len(x)} images, medians")
    relevance = input_x_gradient(model, x, target)
    theirs = Quantus(x, relevance, mask, target)
    measured = {**asking(theirs, model, x, relevance, target), **localisation(theirs, relevance, mask)}
    for metric, sides in measured.items():
        repeats = arguments.repeats * (10 if "localisation" in metric else 1)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            times = medians(sides, repeats, clock)
        told = [f"{name} {value:.1f} ms ({value / times['ours']:.1f} x)" for name, value in times.items()]
        print(f"{metric}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
