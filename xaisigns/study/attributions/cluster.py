"""The Ray engine: on a cluster, or on this machine, actors explain parts of a data set and write them to the store."""

import copy
import logging
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

import xaisigns.errors
from xaisigns.base.allocator import keep_memory
from xaisigns.base.bounds import shown
from xaisigns.base.files import cannot_write
from xaisigns.data.image_set import ImageSet
from xaisigns.errors import DataError, OutputError, XaisignsError
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions import layout as layouts
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Identity, Wanted, digest_of_file
from xaisigns.study.attributions.layout import Arrays, Layout, is_done, rows_of, write_shard
from xaisigns.study.attributions.local import explain_shards, explainers
from xaisigns.study.model_cache import ModelCache

_TRIES = 4  # of a call whose actors are killed
_PARTS = 8  # at most in a call, in whose end an actor waits for its last batches and for the disk
_CALLS = 16  # at least for each actor, so that all end at about the same time
MARK = ".tries-"  # begins the name of a file with a byte for each of them
_PATIENCE = 10  # seconds
# Ray would tell its makers how it is used and the terminal what it does, and let all else on the machine go first.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_worker_niceness": "0"}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Cluster:
    """The cluster at an ``address``, or one of this machine alone, and the number of actors, ``workers``.

    Without a number there is one for each machine, or for each GPU where the model is on one.
    """

    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """What every actor is told: the model, the images and what is ``wanted`` of them, and the store at ``path``."""

    model: Explainable
    data: ImageSet
    wanted: Wanted
    path: Path
    identity: Identity


def explain_on_cluster(job: Job, shards: Sequence[int], done: Callable[[int], None], cluster: Cluster) -> None:
    """Explain the shards, each by any of the ``cluster``'s actors, which write it to the store themselves.

    Actors have an equal part of the processors, or a GPU each. What is started on this machine is ended; a program that
    is connected to Ray already stays so, and its cluster is used. ``done`` hears how many images each shard had, in no
    order.

    Every machine must have the same xaisigns and libraries, the images and the store under the same paths. An actor
    that is killed is started again and does anew what it had not written. Raises OutputError without the extra
    ``cluster``, where the cluster is not to be had or too small, where a machine has something else than this one, and
    where a call's actor is killed again and again; and what explaining and writing raise.
    """
    if not shards:
        return
    ray = ray_library()
    cuda = job.model.device.type == "cuda"
    if cuda and job.model.device.index:
        raise OutputError("Ray gives each worker its GPU as the first one: load the model to device cuda")
    with _quiet(), _connected(ray, cluster.address), _named(ray):
        threads, workers = _shares(ray.nodes(), cluster.workers, cuda=cuda)
        job = replace(job, data=_everywhere(job.data), path=job.path.absolute())
        for row in _rows(shards, job, threads, workers, cuda=cuda):
            if row["error"]:
                raise getattr(xaisigns.errors, row["kind"])(row["error"])
            done(row["images"])
    _refuse_unseen(job.path, shards)


def _rows(shards: Sequence[int], job: Job, threads: int, workers: int, *, cuda: bool) -> Iterable[dict[str, Any]]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = -1  # a shard may take hours
    try:
        told = ray.put(job)
    except (TypeError, pickle.PicklingError) as error:
        reason = shown(str(error.__cause__ or error))[1:-1]  # Ray's own text is of many pages
        raise OutputError(f"the model, a method or a metric cannot be handed to workers: {reason}") from error
    size = max(1, min(_PARTS, len(shards) // (_CALLS * workers)))
    calls = [{"shards": list(shards[start : start + size])} for start in range(0, len(shards), size)]
    # A block for each, so that an actor that is killed has only its own call to do again.
    planned = ray.data.from_items(calls, override_num_blocks=len(calls))
    rows: Iterable[dict[str, Any]] = planned.map_batches(
        Actor,
        fn_constructor_args=(told, threads, job.path),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(calls))),
        num_cpus=threads,
        num_gpus=1 if cuda else None,
    ).iter_rows()
    return rows


class Actor:
    """Holds a model, explains shards and writes them to the store at ``path``; ``job`` is Ray's reference to all that.

    What goes wrong is told as the ``kind`` of an error and its text, since Ray would wrap errors in its own.
    """

    def __init__(self, job: Any, threads: int, path: Path) -> None:
        keep_memory()
        torch.set_num_threads(threads)
        self._reference, self._path = job, path

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, list[Any]]:
        """The number of ``images`` of a call's shards, or the error."""
        shards = batch["shards"][0].tolist()
        try:
            with _tried(self._path, shards):
                return {"images": [self._explain(shards)], "kind": [""], "error": [""]}
        except XaisignsError as error:
            kind, text = type(error).__name__, str(error)
        except Exception as error:  # of the caller's own code, or for want of memory or of a package
            first = (str(error).strip().splitlines() or [""])[0]
            kind, text = "OutputError", f"a worker failed: {type(error).__name__}: {first}"
        return {"images": [0], "kind": [kind], "error": [f"{text} (on {socket.gethostname()})"]}

    def _explain(self, shards: Sequence[int]) -> int:
        workers, group, layout = self._ready
        job = self._job
        # Some may be there, by one who was killed before it was heard of.
        missing = [shard for shard in shards if not is_done(job.path, group, layout, shard)]
        for shard in missing:
            self._refuse_other_images(group, layout.places(shard))

        def write(number: int, arrays: Arrays) -> None:
            write_shard(job.path, group, layout, number, arrays)

        explain_shards(workers, job.data, layout, missing, write, lambda _: None)
        return sum(len(layout.places(shard)) for shard in shards)

    def _refuse_other_images(self, group: Any, places: range) -> None:
        job = self._job
        there = rows_of(job.path, group, "digest", slice(places.start, places.stop))
        for sample, digest in zip(job.data.samples[places.start : places.stop], there, strict=True):
            if digest_of_file(sample.path) != digest.tobytes():
                raise DataError(
                    f"{sample.path} is not what it is where the run was started: every machine needs the same images "
                    "under the same paths"
                )

    @cached_property
    def _job(self) -> Job:
        import ray

        job: Job = ray.get(self._reference)
        return job

    @cached_property
    def _ready(self) -> tuple[list[BatchExplainer], Any, Layout]:
        job = self._job
        if ModelCache(job.model).parts["code"] != job.identity["code"]:
            raise OutputError(
                "here are another xaisigns or other libraries than where the run was started; install the same on "
                "every machine"
            )
        group, identity, layout, _ = layouts.opened(job.path, write=True)
        if identity != job.identity:
            raise OutputError(f"{job.path} is another store here; name a folder that every machine has")
        return explainers(job.model, job.data, job.wanted), group, layout


@contextmanager
def _tried(path: Path, shards: Sequence[int]) -> Iterator[None]:
    """Refuses shards whose actors are killed again and again, which Ray would try for ever."""
    mark = path / f"{MARK}{shards[0]}"
    if mark.exists() and mark.stat().st_size >= _TRIES:
        parts = f"part {shards[0]}" if len(shards) == 1 else f"parts {shards[0]} to {shards[-1]}"
        raise OutputError(f"{_TRIES} workers were killed while they explained {parts}; was it for want of memory?")
    try:
        with mark.open("ab") as file:
            file.write(b"1")
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _shares(nodes: Sequence[dict[str, Any]], workers: int | None, *, cuda: bool) -> tuple[int, int]:
    """How many processors each actor gets, and how many actors there are."""
    there = [node["Resources"] for node in nodes if node["Alive"]]
    processors, gpus = ([int(one.get(kind, 0)) for one in there] for kind in ("CPU", "GPU"))
    workers = workers or (sum(gpus) if cuda else sum(count > 0 for count in processors))

    def room(threads: int) -> int:
        each = [count // threads for count in processors]
        return sum(map(min, each, gpus)) if cuda else sum(each)

    if not workers or workers > room(1):
        kind = "GPUs" if cuda else "processors"
        raise OutputError(f"the cluster has {room(1)} {kind}, and {workers or 'some'} workers are wanted")
    return max(threads for threads in range(1, max(processors) + 1) if room(threads) >= workers), workers


def _everywhere(data: ImageSet) -> ImageSet:
    """The same images by paths that hold in whatever folder an actor runs."""
    everywhere = copy.copy(data)
    everywhere.root = data.root.absolute()
    everywhere.samples = [replace(sample, path=sample.path.absolute()) for sample in data.samples]
    return everywhere


def _refuse_unseen(path: Path, shards: Sequence[int]) -> None:
    """Raise OutputError where a shard that an actor wrote is not in this machine's store."""
    group, _, layout, _ = layouts.opened(path)
    unseen = [shard for shard in shards if not is_done(path, group, layout, shard)]
    if unseen:
        raise OutputError(
            f"{len(unseen)} of {len(shards)} parts that were written cannot be seen in {path}: the store must be in a "
            "folder that every machine has; run it again where they are only late"
        )


def ray_library() -> Any:
    """The package ray. Raises OutputError that names the extra where it is not installed."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise OutputError("the engine ray needs Ray; install it: pip install 'xaisigns[cluster]'") from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """In here there is a cluster: the caller's, that of the address, or one of this machine alone."""
    if ray.is_initialized():
        if address is not None:
            raise OutputError("this program is connected to Ray already: leave out the address")
        yield
        return
    try:
        _connect(ray, address)
        yield
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    ours = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        _refuse_silence(address or "")
        ray.init(
            address or "local", include_dashboard=None if address else False, log_to_driver=False, logging_level="error"
        )
    except (OSError, ValueError, OverflowError, RuntimeError, ray.exceptions.RayError) as error:
        raise OutputError(f"no Ray cluster at {shown(address)}: {shown(str(error))[1:-1]}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in ours.items():  # Ray takes them
                if handler is not None:
                    signal.signal(number, handler)


def _refuse_silence(address: str) -> None:
    """Raise OSError where nothing answers at HOST:PORT, for which Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), _PATIENCE).close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Ray's warnings of itself away, and from stdout, which is for results, what it tells of workers that die."""
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@contextmanager
def _named(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        raise OutputError(
            f"Ray ended the work: {shown(first)[1:-1]}; what is written stays, and the same command goes on with it"
        ) from error
