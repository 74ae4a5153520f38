"""Times explaining a data set into a store against the bare explainer, and plain Captum and Zennit over a DataLoader.

    python -m benchmarks.dataset ROOT [--images 256] [--rounds 5] [--model stickered]
    python -m benchmarks.dataset ROOT --memory [--methods lrp]
    python -m benchmarks.dataset ROOT --engines [--images 12630] [--methods lrp] [--workers 1]

The first takes turns in one process, each time with the same images by the default LRP (Zennit and Captum by
epsilon_gamma_box, Captum's first layer by epsilon). The bare explainer has its pixels in memory and throws away what it
computes; for the store images are decoded, scored (by default, and without) and written, into a folder that was made
before; the others decode in a DataLoader of one worker and throw away, too. Prints medians of images a second, and how
many times the bare explainer's the others make, as medians of each round's own ratio. The second prints the peak memory
of a process of its own that writes a store of 1,000, of 4,000 and of 12,630 images. The third writes a store by this
process and one by Ray on this machine, tells how long Ray and its workers take to start, how long each store took, and
whether both are the same, file by file.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import xaisigns as xs
from benchmarks.lrp import captum, zennit
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.options import BATCH
from xaisigns.base.allocator import keep_memory
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import decode
from xaisigns.data.preprocessing import read_image, resize
from xaisigns.data.tensors import normalise
from xaisigns.metrics.catalogue import groups
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions import layout as layouts
from xaisigns.study.attributions.cluster import MARK
from xaisigns.study.attributions.identity import Wanted, digests_of, identity_of
from xaisigns.study.attributions.local import explain_shards, explainers
from xaisigns.study.measuring import ONCE_ASKED, Scoring

COUNTS = (1_000, 4_000, 12_630)
CHILD = """
import sys
import xaisigns as xs
data = xs.open_images(sys.argv[1], "test")
some = xs.ImageSet(data.root, data.split, data.samples[:int(sys.argv[2])], data.class_names, data.layout)
xs.write_store("stickered", some, sys.argv[3], out=sys.argv[4], device="cpu")
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


class _Files(Dataset[Tensor]):
    """Images as a DataLoader decodes them."""

    def __init__(self, data: xs.ImageSet, model: Explainable) -> None:
        self.data, self.preprocessing = data, model.preprocessing

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, place: int) -> Tensor:
        pixels = resize(read_image(self.data.samples[place].path), self.preprocessing.input_size)
        return normalise(pixels[None], self.preprocessing.mean, self.preprocessing.std)[0]


def some(data: xs.ImageSet, count: int) -> xs.ImageSet:
    """So many images, evenly spread."""
    chosen = np.linspace(0, len(data) - 1, min(count, len(data))).astype(int)
    samples = [data.samples[place] for place in chosen]
    return xs.ImageSet(data.root, data.split, samples, data.class_names, data.layout)


def bare(model: Explainable, data: xs.ImageSet) -> Callable[[], None]:
    """The explainer on pixels in memory."""
    explain = select_methods("lrp")[0].prepared(model)
    pixels = np.array(decode(data, model.preprocessing.input_size))

    def call() -> None:
        for start in range(0, len(pixels), BATCH):
            some = pixels[start : start + BATCH]
            explain(normalise(some, model.preprocessing.mean, model.preprocessing.std))

    return call


def stored(model: Explainable, data: xs.ImageSet, folder: Path, *, scores: bool) -> Callable[[], None]:
    """The local engine into a store."""
    metrics = [one for group in ONCE_ASKED for one in groups()[group]] if scores else []
    wanted = Wanted(select_methods("lrp"), scoring=Scoring(ONCE_ASKED) if scores else None, metrics=metrics)
    workers = explainers(model, data, wanted)
    layout = workers[0].layout()
    identity = identity_of(model, data, digests_of(data), wanted)

    layouts.create(folder, identity, layout, {}, data.class_names)

    def call() -> None:
        # A shard that is there already is written anew.
        group, *_ = layouts.opened(folder, write=True)

        def write(shard: int, arrays: layouts.Arrays) -> None:
            layouts.write_shard(folder, group, layout, shard, arrays)

        explain_shards(workers, data, layout, range(layout.shards), write, lambda _: None)

    return call


def loaded(model: Explainable, data: xs.ImageSet, explain: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], None]:
    """Another explainer over a DataLoader, for what the model predicts."""

    def call() -> None:
        for images in DataLoader(_Files(data, model), BATCH, num_workers=1):
            with torch.no_grad():
                target = model.module(images).argmax(dim=1)
            explain(images, target)

    return call


@own_torch_state()
def speed(arguments: argparse.Namespace) -> None:
    """Measure and print images a second."""
    model = xs.load_model(arguments.model, device="cpu")
    data = some(xs.open_images(arguments.root, "test"), arguments.images)
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            "bare": bare(model, data),
            "store": stored(model, data, Path(folder) / "scores", scores=True),
            "store without scores": stored(model, data, Path(folder) / "none", scores=False),
            "captum": loaded(model, data, captum(xs.canonize(model), "epsilon_gamma_box")),
            "zennit": loaded(model, data, zennit(xs.canonize(model), "epsilon_gamma_box", model.bounds)),
        }
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(arguments.rounds + 1):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                if turn:
                    taken[name].append(time.perf_counter() - start)
    print(
        f"{len(data)} images, {torch.get_num_threads()} threads, torch {torch.__version__}, {arguments.rounds} rounds"
    )
    for name, seconds in taken.items():
        ratio = statistics.median(one / own for one, own in zip(taken["bare"], seconds, strict=True))
        print(f"{name}: {len(data) / statistics.median(seconds):.1f} images/s, {ratio:.2f} times the bare explainer's")


def memory(arguments: argparse.Namespace) -> None:
    """Measure and print peak memory by the number of images."""
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", CHILD, arguments.root, str(count), arguments.methods, f"{folder}/store"]
            start = time.perf_counter()
            peak = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{count} images: {peak / 1024:.0f} MB, {time.perf_counter() - start:.0f} s", flush=True)


def engines(arguments: argparse.Namespace) -> None:
    """Measure both engines, and compare what they write."""
    import ray

    os.environ.setdefault("RAY_worker_niceness", "0")  # as the engine itself starts Ray
    model, data = xs.load_model(arguments.model, device="cpu"), some(xs.open_images(arguments.root), arguments.images)
    with tempfile.TemporaryDirectory() as folder:
        seconds: dict[str, float] = {}
        for engine in ("local", "ray"):
            if engine == "ray":
                start = time.perf_counter()
                ray.init("local", include_dashboard=False, log_to_driver=False)
                seconds["start of ray"] = time.perf_counter() - start
            workers = arguments.workers if engine == "ray" else None
            out, start, begun = Path(folder) / engine, time.perf_counter(), list[float]()
            threading.Thread(target=watch, args=(out, begun), daemon=True).start()
            xs.write_store(model, data, arguments.methods, out=out, engine=engine, workers=workers)
            seconds[engine] = time.perf_counter() - start
            print(f"{engine}: {seconds[engine]:.1f} s, {len(data) / seconds[engine]:.1f} images/s", flush=True)
        workers_start = begun[0] - start
        print(f"Ray started in {seconds['start of ray']:.1f} s, its workers in {workers_start:.1f} s")
        ratios = [(seconds["ray"] - untold) / seconds["local"] for untold in (0, workers_start)]
        print("ratio {:.3f}, without the start of the workers {:.3f}".format(*ratios))
        ours, theirs = (files_of(Path(folder) / engine) for engine in ("local", "ray"))
        print("the same, file by file" if ours == theirs else "NOT the same")


def watch(store: Path, begun: list[float]) -> None:
    """Note when the first of Ray's workers begins with a part of the store."""
    while not any(store.glob(f"{MARK}*")):
        time.sleep(0.02)
    begun.append(time.perf_counter())


def files_of(store: Path) -> dict[str, bytes]:
    """The content of every file of a store."""
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="stickered")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--methods", default="lrp")
    arguments = parser.parse_args()
    keep_memory()  # as a command does
    (memory if arguments.memory else engines if arguments.engines else speed)(arguments)


if __name__ == "__main__":
    main()
