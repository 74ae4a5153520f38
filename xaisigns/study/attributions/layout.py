"""How attributions lie in a Zarr group: its arrays, their shards, and how a folder becomes such a group."""

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.attribution.options import BATCH
from xaisigns.base.bounds import shown
from xaisigns.base.files import cannot_write, flush, whole_folder
from xaisigns.base.version import __version__
from xaisigns.data.image_set import ClassNames
from xaisigns.errors import DataError, OutputError
from xaisigns.study.attributions.identity import Identity
from xaisigns.study.responses import PARTS

FORMAT = 2
MISSING, EXPLAINED, SKIPPED = 0, 1, 2  # what "state" says of an image
_SHARD = 128  # images, a multiple of BATCH
_MOST = 64 * 1024**2  # bytes of heatmaps in a shard, which is put together in memory
_CHUNK = 8  # images whose heatmaps are read and unpacked together
_INDEX_CHUNK = 16384  # images
_INDEX = ("key", "path", "label", "digest")

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """The sizes of a store: ``images``, ``classes``, a heatmap's ``side``, the names along the other axes.

    ``layers`` has the channels of each inner layer, ``inner`` the methods that have them, ``responses`` the channels of
    each layer of which answers are kept. A ``shard`` of images is written at once, a ``batch`` explained together.
    """

    images: int
    classes: int
    side: int
    methods: Sequence[str]
    metrics: Sequence[str]
    layers: Mapping[str, int]
    inner: Sequence[str]
    half: bool
    shard: int
    batch: int
    responses: Mapping[str, int]

    @property
    def shards(self) -> int:
        """How many parts the images have."""
        return -(-self.images // self.shard)

    def places(self, shard: int) -> range:
        """The images of a part."""
        return range(shard * self.shard, min((shard + 1) * self.shard, self.images))

    def batches(self, shard: int) -> list[range]:
        """Those of a part as they are explained together: the same each time, since the network rounds by the batch."""
        places = self.places(shard)
        return [places[start : start + self.batch] for start in range(0, len(places), self.batch)]

    def empty(self, count: int) -> dict[str, NDArray[Any]]:
        """The arrays of ``count`` images of which nothing is known yet, ``state`` the last."""
        return {
            name: np.full((count, *array.sides), array.fill, dtype=object if array.kind == "str" else array.kind)
            for name, array in self._arrays().items()
        }

    def _arrays(self) -> dict[str, "_Array"]:
        methods, image = len(self.methods), "image"
        found = {
            "error": _Array("str", (), "", (image,)),
            "predicted": _Array("int32", (), -1, (image,)),
            "target": _Array("int32", (), -1, (image,)),
            "logits": _Array("float32", (self.classes,), np.nan, (image, "class")),
            "heatmaps": _Array(
                "float16" if self.half else "float32",
                (methods, self.side, self.side),
                np.nan,
                (image, "method", "y", "x"),
            ),
        }
        if self.half:
            found["scale"] = _Array("float32", (methods,), np.nan, (image, "method"))
        if self.metrics:
            found["scores"] = _Array("float32", (methods, len(self.metrics)), np.nan, (image, "method", "metric"))
        for layer, channels in self.layers.items():
            sides = len(self.inner), channels
            found[f"layers/{layer}"] = _Array("float32", sides, np.nan, (image, "inner_method", "channel"))
        if self.responses:
            sides = PARTS, sum(self.responses.values())
            found["responses"] = _Array("float16", sides, np.nan, (image, "part", "channel"))
        return {**found, "state": _Array("uint8", (), MISSING, (image,))}


@dataclass(frozen=True)
class _Array:
    """One that has a row for each image, of this dtype and these further sides; ``fill`` stands where nothing is."""

    kind: str
    sides: tuple[int, ...]
    fill: Any
    axes: tuple[str, ...]


class Opened(NamedTuple):
    """A store's ``group`` of arrays, what it is of, its sizes, and the names of its classes."""

    group: Any
    identity: Identity
    layout: Layout
    class_names: ClassNames


def shard_of(methods: int, side: int, *, half: bool) -> int:
    """How many images to write at once: whole batches, with so many heatmaps as memory has room for."""
    size = methods * side**2 * (2 if half else 4)
    return min(_SHARD, max(1, _MOST // (size * BATCH)) * BATCH)


def create(path: Path, identity: Identity, layout: Layout, index: Arrays, class_names: ClassNames) -> None:
    """Make the store at ``path``, whole and without attributions, with the ``index`` of its images.

    ``class_names`` are those of the classes in their order, for each language.

    Raises OutputError where something is there, or it cannot be written.
    """
    zarr = zarr_library()
    head = {"format": FORMAT, "made_by": f"xaisigns {__version__}", "identity": identity, **asdict(layout)}
    head["class_names"] = {language: list(names) for language, names in class_names.items()}
    with whole_folder(path) as temporary, _named(path):
        # Not over the folder, which Zarr would make anew: nobody would hold the lock of that one.
        group = zarr.create_group(temporary, zarr_format=3, attributes={"xaisigns": head}, overwrite=False)
        for name, values in index.items():
            chunks = (min(_INDEX_CHUNK, layout.images), *values.shape[1:])
            kind: Any = str if values.dtype == object else values.dtype
            axes = ("image", "byte")[: values.ndim]
            array = group.create_array(
                name,
                shape=values.shape,
                dtype=kind,
                chunks=chunks,
                dimension_names=axes,
                compressors=_compressors(kind),
                config={"write_empty_chunks": True},
            )
            array[:] = values
        for name, one in layout._arrays().items():
            whole = (layout.shard, *one.sides)
            heavy = name == "heatmaps"
            kind = str if one.kind == "str" else one.kind
            group.create_array(
                name,
                shape=(layout.images, *one.sides),
                dtype=kind,
                chunks=(math.gcd(_CHUNK, layout.shard), 1, *one.sides[1:]) if heavy else whole,
                shards=whole if heavy else None,
                fill_value=one.fill,
                dimension_names=one.axes,
                compressors=_compressors(kind),
            )


def _compressors(kind: Any) -> list[Any]:
    """Each chunk packed, with a checksum, so that no flipped bit is read as a number."""
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

    if kind is str:
        return [ZstdCodec(level=3), Crc32cCodec()]
    size = np.dtype(kind).itemsize
    return [BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=size), Crc32cCodec()]


def zarr_library() -> Any:
    """The package zarr. Raises OutputError that names the extra where it is not installed."""
    try:
        import zarr
    except ImportError as error:
        raise OutputError("a store needs Zarr; install it: pip install 'xaisigns[scale]'") from error
    return zarr


def opened(path: Path, *, write: bool = False) -> Opened:
    """What is in a store. Raises DataError for a folder that is no store."""
    zarr = zarr_library()
    try:
        group = zarr.open_group(path, mode="r+" if write else "r")
        head = dict(group.attrs["xaisigns"])
        if head["format"] != FORMAT:
            raise DataError(
                f"{path} is a store of format {head['format']}, and this xaisigns reads {FORMAT}: read it with "
                f"{head.get('made_by')}"
            )
        sizes = {name: head[name] for name in Layout.__dataclass_fields__}
        return Opened(group, head["identity"], Layout(**sizes), head["class_names"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no store that 'xaisigns attribute' wrote") from error


def rows_of(path: Path, group: Any, name: str, rows: slice | np.integer[Any] | NDArray[Any], *further: int) -> Any:
    """Rows of an array of a store, and of its further axes the places ``further``, as NumPy would take them.

    Raises DataError, with the array's name, where its bytes are damaged, or a file that was written is gone.
    """
    try:
        array = group[name]
        _refuse_lost(path, array, name, np.arange(array.shape[0])[rows])
        plain = isinstance(rows, slice | np.integer)
        return np.asarray(array[(rows, *further)] if plain else array.oindex[(rows, *further)])
    except Exception as error:  # Zarr raises whatever damaged bytes lead it to
        raise DataError(
            f"the {name} of {path} are damaged: {shown(str(error))[1:-1]}; delete the store and write it anew"
        ) from error


def _refuse_lost(path: Path, array: Any, name: str, rows: NDArray[np.int64]) -> None:
    """Raise FileNotFoundError where a file with these rows was written and is gone: Zarr would read its fill."""
    for number in np.unique(rows // (array.shards or array.chunks)[0]):
        file = _file(path, name, number, array.ndim)
        if not file.is_file() and (name in _INDEX or (path / "state" / "c" / str(number)).is_file()):
            raise FileNotFoundError(f"{file.relative_to(path)} is gone")


def is_done(path: Path, group: Any, layout: Layout, shard: int) -> bool:
    """Whether ``state`` can be read and says of every image of a part that it is done, and no file of it is gone."""
    places = layout.places(shard)
    try:
        states = rows_of(path, group, "state", slice(places.start, places.stop))
    except DataError:
        return False
    files = [_file(path, name, shard, 1 + len(array.sides)) for name, array in layout._arrays().items()]
    return bool((states != MISSING).all()) and all(file.is_file() for file in files)


def check_arrays(path: Path, group: Any, layout: Layout) -> None:
    """Raise DataError, with its name, for an array of a store that cannot be opened to write to it."""
    for name in layout._arrays():
        rows_of(path, group, name, slice(0, 0))


def _file(path: Path, name: str, number: int, axes: int) -> Path:
    """The file of an array that has its rows of a part, as Zarr names it; it is there even if all in it is the fill."""
    return path.joinpath(name, "c", str(number), *["0"] * (axes - 1))


def write_shard(path: Path, group: Any, layout: Layout, shard: int, arrays: Arrays) -> None:
    """Write a part; only when all of it is on the disk does ``state`` say so. Raises OutputError where it cannot be."""
    places = layout.places(shard)
    with _named(path), zarr_library().config.set({"array.write_empty_chunks": True}):
        for name in reversed(list(arrays)):  # ``state`` first
            # What is there is of a run that was stopped; Zarr would read it, to change it.
            _remove(path / name / "c" / str(shard))
        for name, values in arrays.items():
            if name == "state":
                for written in arrays:
                    if written != "state":
                        flush(path / written / "c" / str(shard))
            group[name][places.start : places.stop] = values
        flush(path / "state" / "c" / str(shard))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
