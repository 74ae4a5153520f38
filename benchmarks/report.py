"""Times the document part of a report: 4 examples and their mean, 9 methods, drawn signs of 64 pixels, no model.

    python benchmarks/report.py [--classes 10 20 43]

Each number of classes is measured in a process of its own, for its peak memory. Heatmaps are noise at several scales
over the edges of the image, different for every image and method, and so compress no better than a network's.
"""

import argparse
import datetime
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.data.classes import CLASS_NAMES, CLASSES
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.model.evaluation import wilson_interval
from xaisigns.report.content import (
    ClassAccuracy,
    Evaluation,
    Example,
    Highlight,
    Kind,
    LedgerRow,
    Mean,
    Method,
    Metric,
    Pixels,
    Propagation,
    Report,
    Reproduction,
    RuleRow,
    Score,
    Scores,
    Section,
)
from xaisigns.report.html import write_html
from xaisigns.report.pdf import write_pdf

SIDE = 64
METHODS = tuple(Method(f"method-{number}", f"Verfahren {number}") for number in range(9))
METRICS = tuple(Metric(f"metric-{number}", f"Kennzahl {number}", "higher", "Ein Satz dazu.") for number in range(5))
KINDS: tuple[Kind, ...] = ("typical", "unsure", "mistaken", "stickered")


def content(classes: int) -> Report:
    """A report of the first classes."""
    random = np.random.default_rng(0)
    counts = np.diag(random.integers(60, 720, len(CLASSES))) + random.poisson(0.02, (len(CLASSES),) * 2)
    whole, right = int(counts.sum()), int(np.trace(counts))
    accuracies = tuple(
        ClassAccuracy(index, int(row.sum()), float(row[index] / row.sum())) for index, row in enumerate(counts)
    )
    sections = tuple(section(class_id, random) for class_id in range(classes))
    shown = sections[2].examples[3]
    method = METHODS[0].key
    return Report(
        language="de",
        date=datetime.date(2026, 1, 1),
        model="stickered",
        data="gezeichnete Schilder",
        names=dict(enumerate(CLASS_NAMES["de"])),
        methods=METHODS,
        evaluation=Evaluation(whole, right / whole, wilson_interval(right, whole), accuracies, counts),
        sections=sections,
        reproduction=Reproduction("python benchmarks/report.py", 0, {}, {}, "", 0),
        finding="Ein Befund in einem Satz.",
        highlights=(Highlight(2, 4, 0.9, shown.image, shown.heatmaps[method], method, stickered=True),) * 4,
        metrics=METRICS,
        scores=scores(random),
        propagation=Propagation(
            "epsilon_gamma_box",
            tuple(RuleRow(f"features.{index}", "Conv2d", "gamma", {"gamma": 0.25}, "composite") for index in range(30)),
            tuple(LedgerRow(f"features.{index}", "Conv2d", "gamma", 5.0, 4.9) for index in range(30)),
        ),
    )


def section(class_id: int, random: np.random.Generator) -> Section:
    """A class with an example of each kind."""
    images = [np.asarray(draw_sign(class_id, SIDE, 1000 * class_id + number).image) for number in range(len(KINDS))]
    examples = tuple(
        Example(kind, image, heatmaps(image, random), class_id, 0.9) for kind, image in zip(KINDS, images, strict=True)
    )
    mean = {method.key: np.mean([example.heatmaps[method.key] for example in examples], axis=0) for method in METHODS}
    return Section(
        class_id,
        examples,
        Mean(len(images), np.mean(images, axis=0).astype(np.uint8), mean),
        {method.key: float(random.uniform(0.2, 0.9)) for method in METHODS},
        scores(random),
    )


def heatmaps(image: Pixels, random: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """One for each method, from pixel noise to blobs."""
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float32)
    edges = np.hypot(*np.gradient(grey))
    edges /= edges.max()
    found = {}
    for number, method in enumerate(METHODS):
        cells = (64, 64, 64, 32, 32, 32, 32, 16, 8)[number]
        noise = Image.fromarray(random.standard_normal((cells, cells)).astype(np.float32))
        smooth = np.asarray(noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        found[method.key] = (0.1 + edges) * (smooth + number / 4)
    return found


def scores(random: np.random.Generator) -> Scores:
    """Of every metric and method."""
    means = random.uniform(0.1, 0.9, (len(METRICS), len(METHODS)))
    return {
        metric.key: {
            method.key: Score(mean, mean - 0.05, mean + 0.05) for method, mean in zip(METHODS, row, strict=True)
        }
        for metric, row in zip(METRICS, means.tolist(), strict=True)
    }


def measure(classes: int) -> str:
    """A line of seconds, sizes and memory."""
    made = content(classes)
    before = peak()
    with tempfile.TemporaryDirectory() as folder:
        pdf, html = Path(folder) / "report.pdf", Path(folder) / "report.html"
        processor = time.process_time()
        seconds = [timed(write_pdf, made, pdf), timed(write_html, made, html)]
        processor = time.process_time() - processor
        sizes = [path.stat().st_size / 1e6 for path in (pdf, html)]
    told = [f"PDF {seconds[0]:.1f} s, {sizes[0]:.1f} MB", f"HTML {seconds[1]:.1f} s, {sizes[1]:.1f} MB"]
    told += [f"both {sum(seconds):.1f} s ({processor:.1f} s of processor)"]
    return f"{classes:2d} classes: {'; '.join(told)}; peak memory {peak():.0f} MB, {before:.0f} MB of it before"


def timed(write: Callable[[Report, Path], None], made: Report, path: Path) -> float:
    """Seconds on the clock, what is imported included."""
    start = time.perf_counter()
    write(made, path)
    return time.perf_counter() - start


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 20, 43])
    counts = parser.parse_args().classes
    if len(counts) == 1:
        print(measure(counts[0]))
        return
    for count in counts:
        subprocess.run([sys.executable, __file__, "--classes", str(count)], check=True)


if __name__ == "__main__":
    main()
