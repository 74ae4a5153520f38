"""Times the metrics against Quantus 0.6.0 on the same inputs, interleaved in one process.

    python benchmarks/metrics.py [--repeats 3] [--images 64] [--model stickered]

Inputs are drawn signs with a sticker, explained by input x gradient. Quantus runs as a user would call it: its default
batch of 64, and its default settings but for what is set the same on both sides (steps, samples, radius). Prints
medians in milliseconds, and how many times ours Quantus takes. "best" is Quantus with the settings that make it
fastest.
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
from xaisigns.data.rendered import draw_sign
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
Call = Callable[[], object]


def input_x_gradient(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """The attribution of both sides."""
    leaf = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf).gather(1, target[:, None]).sum(), leaf)
    return leaf.detach() * gradient


def explain(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: object) -> np.ndarray:
    """The same, as Quantus calls it."""
    return heatmap(input_x_gradient(model, torch.from_numpy(inputs), torch.from_numpy(targets)))[:, None].numpy()


def inputs(model: xs.model.vgg.Classifier, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images, masks of their stickers, and the class that the model calls each."""
    signs = [draw_sign(number % 43, 64, seed=number, sticker=xs.Sticker()) for number in range(count)]
    x = model.preprocess([sign.image for sign in signs])
    with torch.no_grad():
        target = model(x).argmax(dim=1)
    return x, torch.from_numpy(np.stack([sign.sticker_mask for sign in signs])), target


def calls(model: nn.Module, x: Tensor, mask: Tensor, target: Tensor) -> dict[str, dict[str, Call]]:
    """Of each metric ours, Quantus' as it comes, and at its best."""
    relevance = input_x_gradient(model, x, target)
    arrays = {
        "x_batch": x.contiguous().numpy(),
        "y_batch": target.numpy(),
        "a_batch": heatmap(relevance)[:, None].numpy(),
        "s_batch": mask[:, None].numpy(),
        "channel_first": True,
    }

    def theirs(
        metric: str, network: nn.Module | None = None, size: int = 64, soft: bool = False, **given: object
    ) -> Call:
        explained = {"explain_func": explain} if metric == "MaxSensitivity" else {}

        def call() -> object:
            measured = getattr(quantus, metric)(disable_warnings=True, **given)
            return measured(model=network, softmax=soft, batch_size=size, **arrays, **explained)

        return call

    localised = {
        "mass": (relevance_mass, "RelevanceMassAccuracy"),
        "rank": (relevance_rank, "RelevanceRankAccuracy"),
        "pointing": (pointing_game, "PointingGame"),
        "AUC": (localisation_auc, "AUC"),
    }
    flipping = {"features_in_step": x[0].numel() // STEPS, "perturb_baseline": "mean"}
    sensitivity = {"nr_samples": SAMPLES, "lower_bound": RADIUS}
    stays = {"return_nan_when_prediction_changes": False}
    single = {
        name: {"ours": lambda score=score: score(relevance, mask), "quantus": theirs(metric)}
        for name, (score, metric) in localised.items()
    }
    return {
        "pixel flipping": {
            "ours": lambda: pixel_flipping(model, x, relevance, target, steps=STEPS),
            "quantus": theirs("PixelFlipping", model, soft=True, **flipping),
            "best": theirs("PixelFlipping", model, soft=True, size=len(x), normalise=False, **flipping),
        },
        "largest sensitivity": {
            "ours": lambda: max_sensitivity(input_x_gradient, model, x, target, radius=RADIUS, samples=SAMPLES),
            "quantus": theirs("MaxSensitivity", model, **sensitivity),
            "best": theirs("MaxSensitivity", model, size=len(x), **sensitivity, **stays),
        },
        "localisation, all four": {
            side: lambda side=side: [one[side]() for one in single.values()] for side in ("ours", "quantus")
        },
        **{f"localisation, {name}": sides for name, sides in single.items()},
    }


def medians(sides: dict[str, Call], repeats: int) -> dict[str, float]:
    """Median milliseconds of each side, taken in turns after one warm-up."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(repeats + 1):
        for side, call in sides.items():
            start = time.perf_counter()
            call()
            if turn:
                taken[side].append((time.perf_counter() - start) * 1000)
    return {side: statistics.median(values) for side, values in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--model", default="stickered")
    arguments = parser.parse_args()
    model = xs.load_model(arguments.model)
    x, mask, target = inputs(model, arguments.images)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {len(x)} images, medians")
    for metric, sides in calls(model, x, mask, target).items():
        repeats = arguments.repeats * (10 if "localisation" in metric else 1)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            times = medians(sides, repeats)
        told = [f"{name} {value:.1f} ms ({value / times['ours']:.1f} x)" for name, value in times.items()]
        print(f"{metric}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
