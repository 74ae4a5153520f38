"""Attributions of a whole data set into a store, which goes on where a run stopped, however that was."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from xaisigns.attribution.method_sets import select_methods
from xaisigns.base.bounds import shown, whole
from xaisigns.base.files import held, is_folder
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ClassNames, ImageSet, Split
from xaisigns.errors import DataError, OutputError
from xaisigns.metrics.catalogue import groups
from xaisigns.model.evaluation import refuse_unknown_classes
from xaisigns.model.explainable import Explainable
from xaisigns.model.loading import Named, loaded
from xaisigns.study.attributions import layout as layouts
from xaisigns.study.attributions.cluster import MARK, Cluster, Job, explain_on_cluster, ray_library
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Identity, Wanted, digests_of, identity_of, refuse_another
from xaisigns.study.attributions.layout import Arrays, Layout, check_arrays, is_done, write_shard, zarr_library
from xaisigns.study.attributions.local import explain_shards, explainers
from xaisigns.study.attributions.store import AttributionStore, first_other
from xaisigns.study.measuring import ONCE_ASKED, Scoring
from xaisigns.study.study import Data, images_of

Kept = Literal["float16", "float32"]
Engine = Literal["local", "ray"]
_MOST_WORKERS = 100_000


def write_store(
    model: Named,
    data: Data = None,
    methods: str | Iterable[str] = "lrp",
    *,
    out: Path | str,
    layers: Sequence[str] = (),
    metrics: str | Sequence[str] = ONCE_ASKED,
    heatmaps: Kept = "float16",
    responses: bool = False,
    split: Split = "test",
    engine: Engine = "local",
    workers: int | None = None,
    ray_address: str | None = None,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Explain every image for its predicted class, into a store: the document of ``xaisigns attribute --json``.

    ``model`` is loaded, or a name or file that ``load_model`` takes; ``data`` is a data set, a folder with images of
    the ``split``, or None for drawn signs. ``methods`` are as ``select_methods`` takes them; ``layers`` are names of
    inner layers: of each LRP among the methods their relevance is kept, summed over space. ``metrics`` are groups of
    metrics, with commas between them in a text, empty for none. ``heatmaps`` are kept as float16 with a scale for each,
    or as float32. With ``responses`` there is what channels of middle layers answer, too, which ``audit`` listens to.
    ``device`` is as ``loaded`` takes it.

    The ``engine`` is this process, or Ray: ``workers`` actors, without a number one for each machine or GPU, of the
    cluster at ``ray_address``, without it of one that is started on this machine.

    Where the store ``out`` is there, the run goes on where the last one stopped: the finished store is the same as that
    of a run that was never stopped. An image that cannot be read is in ``skipped``. ``open_store`` reads the store.

    Raises OutputError where ``out`` cannot be written, is no store or one of something else, where another process
    writes it, for other ``heatmaps``, without the extra ``scale`` or ``cluster``, and where the cluster fails as
    ``explain_on_cluster`` says; DataError for an image whose name is not UTF-8,
    and where the store is damaged; DataError, MethodError, MetricError and RuleError as explaining and scoring do.
    """
    zarr_library()
    if heatmaps not in get_args(Kept):
        raise OutputError(f"heatmaps must be one of {', '.join(get_args(Kept))}; got {shown(heatmaps)}")
    cluster = _cluster(engine, workers, ray_address)
    path, chosen = Path(out), select_methods(methods)
    named = metrics.split(",") if isinstance(metrics, str) else metrics
    scored = [group.strip() for group in named if group.strip()]
    scoring = Scoring(scored) if scored else None
    model = loaded(model, device)
    if scoring:
        scoring.check_steps(model.preprocessing.input_size**2)
    images = images_of(data, split, progress)
    refuse_unknown_classes(model, images)
    # Of what needs to know where the sign is nothing is kept where nobody knows it.
    kept = [one for group in scored for one in groups()[group] if images.has_boxes or not one.needs_masks]
    wanted = Wanted(chosen, list(dict.fromkeys(layers)), scoring, kept, heatmaps == "float16", responses)
    return _written(path, model, images, wanted, cluster, progress)


def keep(
    store: Path | str | None,
    model: Explainable,
    data: ImageSet,
    methods: Iterable[str],
    progress: Progress,
    **more: Any,
) -> None:
    """Write what is not there yet of a store that another verb is to read; ``more`` is as ``write_store`` takes it.

    Raises OutputError for no store, and what ``write_store`` does.
    """
    if store is None:
        raise OutputError("what is kept is kept in a store: name one")
    write_store(model, data, methods, out=store, progress=progress, **more)


def _cluster(engine: Engine, workers: int | None, address: str | None) -> Cluster | None:
    if engine not in get_args(Engine):
        raise OutputError(f"engine must be one of {', '.join(get_args(Engine))}; got {shown(engine)}")
    if engine == "local" and (workers, address) != (None, None):
        raise OutputError("workers and an address are for the engine ray; leave them out, or name that engine")
    if workers is not None and whole(workers, 1, _MOST_WORKERS) is None:
        raise OutputError(f"workers must be a whole number from 1 to {_MOST_WORKERS}, got {shown(workers)}")
    if engine == "local":
        return None
    ray_library()  # told before the work where it is missing
    return Cluster(workers, address)


def _written(
    path: Path, model: Explainable, data: ImageSet, wanted: Wanted, cluster: Cluster | None, progress: Progress
) -> dict[str, Any]:
    start = time.monotonic()
    digests = digests_of(data, progress)
    identity = identity_of(model, data, digests, wanted)
    workers = explainers(model, data, wanted)
    if not _is_store(path):
        names = model.class_names or data.class_names
        _create(path, identity, workers[0].layout(), _index(data, digests), names)
    with held(path):
        opened = layouts.opened(path)
        refuse_another(path, opened.identity, identity, lambda: first_other(AttributionStore(path), data, digests))
        before = _go_on(path, workers, Job(model, data, wanted, path, identity), cluster, progress)
    store = AttributionStore(path)
    return {
        "store": str(path),
        "split": data.split,
        "count": len(data),
        "explained": int(store.explained.sum()),
        "skipped": store.skipped,
        "resumed": before,
        "methods": store.methods,
        "layers": store.layers,
        "metrics": store.metrics,
        "heatmaps": "float16" if wanted.half else "float32",
        "seconds": round(time.monotonic() - start, 3),
    }


def _create(path: Path, identity: Identity, layout: Layout, index: Arrays, class_names: ClassNames) -> None:
    try:
        layouts.create(path, identity, layout, index, class_names)
    except OutputError:
        if not _is_store(path):  # which another process has made meanwhile
            raise


def _is_store(path: Path) -> bool:
    if not is_folder(path) or not any(path.iterdir()):
        return False
    try:
        layouts.opened(path)
    except DataError as error:
        if (path / "zarr.json").exists():
            raise OutputError(f"cannot write {path}: {error}; name another place") from error
        return False
    return True


def _index(data: ImageSet, digests: NDArray[np.uint8]) -> Arrays:
    def texts(values: Iterable[str]) -> NDArray[Any]:
        return np.array([_text(one) for one in values], dtype=object)

    return {
        "key": texts(sample.key for sample in data.samples),
        "path": texts(str(sample.path.absolute()) for sample in data.samples),
        "label": np.array([sample.class_id for sample in data.samples], dtype=np.int32),
        "digest": digests,
    }


def _text(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{name!r} is no UTF-8, as names in a store must be; rename it") from error
    return name


def _go_on(path: Path, workers: Sequence[BatchExplainer], job: Job, cluster: Cluster | None, progress: Progress) -> int:
    """Do what is missing, and give how many images were there before."""
    data = job.data
    # Of what Zarr was writing, and of workers, when a run was killed.
    for left in [*path.rglob("*.partial"), *path.glob(f"{MARK}*")]:
        left.unlink(missing_ok=True)
    group, _, layout, _ = layouts.opened(path, write=True)
    check_arrays(path, group, layout)
    missing = [shard for shard in range(layout.shards) if not is_done(path, group, layout, shard)]
    before = done = len(data) - sum(len(layout.places(shard)) for shard in missing)

    def hear(images: int) -> None:
        nonlocal done
        done += images
        progress("explaining", done, len(data))

    def write(shard: int, arrays: Arrays) -> None:
        write_shard(path, group, layout, shard, arrays)

    if cluster is None:
        explain_shards(workers, data, layout, missing, write, hear)
    else:
        explain_on_cluster(job, missing, hear, cluster)
    return before
