"""A store as projects of ViRelAy and CoRelAy: HDF5 files of images, attributions and embeddings, and a project file.

Their format is that of CoRelAy's database specifications; ViRelAy shows it [anders2021software].
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.documents import json_text
from xaisigns.base.files import whole_folder
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.data.classes import names_in, unnamed_class
from xaisigns.data.preprocessing import read_image, resize
from xaisigns.errors import DataError, OutputError
from xaisigns.study.attributions.identity import digest_of_file
from xaisigns.study.attributions.store import AttributionStore

_AT_ONCE = 128  # images
_CHANNELS = 3  # without which ViRelAy draws no heatmap
_FEWEST = 6  # images of a class that is embedded and clustered
_CLUSTERS = (2, 3, 4, 5)
_COMPONENTS = 4
_PERPLEXITY = 30


def export(
    store: Path | str, *, virelay: Path | str, language: Language | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Write the explained images of a store to the new folder ``virelay``: the document of ``xaisigns export --json``.

    ``dataset.h5`` has the images ``(N, 3, S, S)`` in the network's size and their classes, ``METHOD.attribution.h5``
    the heatmaps ``(N, 3, S, S)``, a third in each channel, with predictions, and ``METHOD.analysis.h5``, for each true
    class of six images or more, embeddings (principal components, t-SNE) and clusters (k-means) of its heatmaps, each
    scaled by the sum of its magnitudes; ``METHOD.yaml`` is the project. Classes are named in ``language``, as
    ``chosen_language`` takes it.

    Raises DataError for a store of which nothing is explained, and for an image that is no longer as it was explained;
    OutputError where ``virelay`` cannot be written or is in the store, and without the extra ``scale``.
    """
    h5py = _h5py_library()
    opened = AttributionStore(store)
    language = chosen_language(language)
    rows = np.flatnonzero(opened.explained)
    if not len(rows):
        raise DataError(f"nothing is explained in {store} yet: let 'xaisigns attribute' write it first")
    if Path(virelay).resolve().is_relative_to(opened.path.resolve()):
        raise OutputError(f"cannot write {virelay}: it is in the store {store}; name another place")
    files: list[str] = []
    with whole_folder(Path(virelay)) as folder:
        (folder / "label-map.json").write_text(json_text(_label_map(opened, language)), encoding="utf-8")
        with h5py.File(folder / "dataset.h5", "w") as file:
            _write_images(file, opened, rows, progress)
        for number, method in enumerate(opened.methods):
            name = re.sub(r"[^\w.-]", "-", method)
            with h5py.File(folder / f"{name}.attribution.h5", "w") as file:
                _write_attributions(file, opened, rows, method)
            with h5py.File(folder / f"{name}.analysis.h5", "w") as file:
                analysed = _write_analyses(file, opened, rows, method)
            project = _project(opened, name, method, analysed=analysed)
            (folder / f"{name}.yaml").write_text(json_text(project) + "\n", encoding="utf-8")  # which is YAML, too
            files.append(f"{name}.yaml")
            progress("exporting", number + 1, len(opened.methods))
    return {"images": len(rows), "methods": opened.methods, "projects": [str(Path(virelay) / name) for name in files]}


def _h5py_library() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise OutputError("an export to ViRelAy needs h5py; install it: pip install 'xaisigns[scale]'") from error
    return h5py


def _label_map(store: AttributionStore, language: Language) -> list[dict[str, Any]]:
    names = names_in(store.class_names, language)
    return [
        {
            "index": class_id,
            "word_net_id": f"{class_id:05d}",
            "name": names[class_id] if class_id < len(names) else unnamed_class(class_id, language),
        }
        for class_id in range(store.classes)
    ]


def _project(store: AttributionStore, name: str, method: str, *, analysed: bool) -> dict[str, Any]:
    project: dict[str, Any] = {
        "name": f"{store.path.name}: {method}",
        "model": f"weights {store.identity['weights'][:12]}",
        "label_map": "label-map.json",
        "dataset": {
            "name": store.path.name,
            "type": "hdf5",
            "path": "dataset.h5",
            "input_width": store.side,
            "input_height": store.side,
            "down_sampling_method": "none",
            "up_sampling_method": "none",
        },
        "attributions": {
            "attribution_method": method,
            "attribution_strategy": "predicted_label",
            "sources": [f"{name}.attribution.h5"],
        },
    }
    if analysed:
        project["analyses"] = [{"analysis_method": "heatmaps", "sources": [f"{name}.analysis.h5"]}]
    return {"project": project}


def _write_images(file: Any, store: AttributionStore, rows: NDArray[np.int64], progress: Progress) -> None:
    side = store.side
    data = file.create_dataset("data", (len(rows), 3, side, side), np.uint8, chunks=(1, 3, side, side))
    file["label"] = store.labels[rows].astype(np.uint16)
    paths, digests = store.paths, store.digests
    for start, some in _parts(rows):
        pixels = np.stack([_pixels(Path(paths[row]), digests[row].tobytes(), side) for row in some])
        data[start : start + len(some)] = pixels.transpose(0, 3, 1, 2)
        progress("decoding", start + len(some), len(rows))


def _pixels(path: Path, digest: bytes, side: int) -> NDArray[np.uint8]:
    if digest_of_file(path) != digest:
        raise DataError(f"{path} is missing or no longer what was explained; bring it back, or write the store anew")
    return resize(read_image(path), side)


def _write_attributions(file: Any, store: AttributionStore, rows: NDArray[np.int64], method: str) -> None:
    side = store.side
    shape = (len(rows), _CHANNELS, side, side)
    attributions = file.create_dataset("attribution", shape, np.float32, chunks=(1, *shape[1:]), compression="lzf")
    file["index"] = np.arange(len(rows), dtype=np.uint32)
    file["label"] = store.labels[rows].astype(np.uint16)
    file["prediction"] = store.logits(rows)
    for start, some in _parts(rows):
        shares = store.heatmaps(method, some)[:, None] / np.float32(_CHANNELS)
        attributions[start : start + len(some)] = shares.repeat(_CHANNELS, axis=1)


def _write_analyses(file: Any, store: AttributionStore, rows: NDArray[np.int64], method: str) -> bool:
    """Whether any class has images enough."""
    labels = store.labels[rows]
    classes = [int(one) for one, count in zip(*np.unique(labels, return_counts=True), strict=True) if count >= _FEWEST]
    for class_id in classes:
        of_class = np.flatnonzero(labels == class_id)
        heatmaps = store.heatmaps(method, rows[of_class]).reshape(len(of_class), -1).astype(np.float64)
        sums = np.abs(heatmaps).sum(axis=1, keepdims=True)
        points = heatmaps / np.where(sums > 0, sums, 1)
        group = file.create_group(f"{class_id:05d}")
        group["index"] = of_class.astype(np.uint32)
        embedded, eigenvalues = _principal_components(points)
        group["embedding/pca"] = embedded
        group["embedding/pca"].attrs["eigenvalue"] = eigenvalues
        group["embedding/tsne"] = _tsne(embedded)
        for count in _CLUSTERS:
            group[f"cluster/kmeans-{count}"] = _clusters(embedded, count)
            group[f"cluster/kmeans-{count}"].attrs["k"] = count
            group[f"cluster/kmeans-{count}"].attrs["embedding"] = "pca"
    return bool(classes)


def _principal_components(points: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates ``(N, 4)``, the largest of each axis positive, and the variance along each."""
    centred = points - points.mean(axis=0)
    left, strengths, _ = np.linalg.svd(centred, full_matrices=False)
    # Of points that are all the same nothing is left but what the mean was rounded by.
    strengths[strengths <= np.finfo(np.float64).eps * max(points.shape) * np.linalg.norm(points)] = 0
    found = left[:, :_COMPONENTS] * strengths[:_COMPONENTS]
    largest = found[np.abs(found).argmax(axis=0), range(found.shape[1])]
    variances = strengths[:_COMPONENTS] ** 2 / len(points)
    return (found * np.where(largest < 0, -1, 1)).astype(np.float32), variances.astype(np.float32)


def _tsne(points: NDArray[np.float32]) -> NDArray[np.float32]:
    from sklearn.manifold import TSNE

    # Of points that are all the same there are no distances to keep.
    spread = float(np.abs(points).max())
    if not spread:
        return np.zeros((len(points), 2), dtype=np.float32)
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    found: NDArray[np.float32] = TSNE(perplexity=perplexity, random_state=0).fit_transform(points / spread)
    return found.astype(np.float32)


def _clusters(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    different = len(np.unique(points, axis=0))
    with warnings.catch_warnings():
        # It finds fewer clusters where points differ by their rounding alone, as they should be.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(min(count, different), n_init=4, random_state=0).fit_predict(points)
    return np.asarray(found, dtype=np.int64)


def _parts(rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield start, rows[start : start + _AT_ONCE]
