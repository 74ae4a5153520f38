"""Training of a classifier: one-cycle SGD with averaged weights, a checkpoint after each epoch, exact resumption."""

import csv
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xaisigns.base.devices import computes_bfloat16
from xaisigns.base.files import is_file, whole_files
from xaisigns.base.processes import ALONE, Processes
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import Images
from xaisigns.data.tensors import normalise
from xaisigns.errors import ModelError
from xaisigns.model.augmentation import augment
from xaisigns.model.checkpoint import TRAINING
from xaisigns.model.classifier import Classifier, NetworkSettings
from xaisigns.model.evaluation import predict
from xaisigns.model.network_weights import listed, put
from xaisigns.model.networks import untrained
from xaisigns.model.schema import BatchSize, Epochs, LearningRate, Seed, Share, check, read_document, validated
from xaisigns.model.shared_statistics import share_statistics
from xaisigns.model.tensor_files import CHECKSUM, read_metadata, read_tensors, write_tensors
from xaisigns.model.training_files import LOG_COLUMNS, checkpoint_path, training_places

_CHUNK = 1024  # images
_SCALE = 2.0**10  # of the first losses in float16; it is then adapted
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. ``averaging`` is the decay of the running mean of the weights, which is the model that is saved.

    Raises ModelError for settings that nothing can be trained with.
    """

    epochs: Epochs = 8
    batch_size: BatchSize = 128
    learning_rate: LearningRate = 0.06
    weight_decay: Share = 5e-4
    label_smoothing: Share = 0.05
    averaging: Share = 0.997
    seed: Seed = 0

    def __post_init__(self) -> None:
        check(self)

    def suited(self, images: int) -> "TrainingSettings":
        """The same for so few images; batch size and averaging that are not the defaults stay, as all do for GTSRB.

        There are eight batches or more, of 16 images at least, with a learning rate as much less. The mean of the
        weights goes over a third of the training at most, or it would hold what they began with.
        """
        default = TrainingSettings()
        batch_size, averaging = self.batch_size, self.averaging
        if batch_size == default.batch_size:
            batch_size = min(batch_size, max(16, images // 8))
        if averaging == default.averaging:
            averaging = min(averaging, max(0.0, 1 - 3 / (self.epochs * -(-images // batch_size))))
        learning_rate = self.learning_rate * batch_size / self.batch_size
        return replace(self, batch_size=batch_size, learning_rate=learning_rate, averaging=averaging)


@own_torch_state()
def train(
    network: NetworkSettings,
    settings: TrainingSettings,
    training: Images,
    validation: Images | None,
    out: Path,
    *,
    resume: bool = False,
    device: torch.device = _CPU,
    force: bool = False,
    fingerprint: str = "",
    processes: Processes = ALONE,
    progress: Progress = silent,
) -> tuple[Classifier, list[dict[str, Any]]]:
    """Train and give the averaged model in eval mode, with one row of measurements an epoch.

    After each epoch ``out`` with the suffix .checkpoint.safetensors holds all that is needed to go on, and ``out`` with
    .csv the rows so far. With ``resume`` a training goes on from there and ends with the same weights, bit for bit, as
    an unbroken one on the same machine and ``device`` (on a GPU, as far as its kernels give the same twice); without a
    checkpoint it starts anew. ``fingerprint`` is what tells the data apart, besides their pixels. Computes as
    ``precision_of`` says; what is drawn at random is the same on every device, but for dropout. The global random state
    is left as it was.

    Of several ``processes``, which all are given the same, each takes a part of every batch, and the first writes: the
    training is that of one process but for rounding, and for dropout, whichever number goes on with it.

    Raises ModelError for a checkpoint that is broken or of another training, when the loss or the weights are no longer
    finite, and when processes were given different things, OutputError when a file cannot be written, or is there and
    not of xaisigns without ``force``.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        _seed(device, settings.seed)
        run = _Run(network, settings, len(training.labels), device, processes)
        images = [_digest(part) for part in (training, validation) if part]
        identity = {"network": asdict(network), "training": asdict(settings), "data": fingerprint, "images": images}
        identity = json.loads(json.dumps(identity))
        checkpoint = checkpoint_path(out)
        rows = run.restore(checkpoint, identity) if resume and is_file(checkpoint) else []
        if not processes.all_have(json.dumps([identity, rows])):
            raise ModelError(
                "the processes have different images, settings or checkpoints; start all with the same command, on "
                "machines that see the same files"
            )
        for epoch in range(len(rows), settings.epochs):
            _seed(device, settings.seed * 1_000_003 + epoch + 1)
            start = time.monotonic()
            loss, accuracy = run.epoch(epoch, training, progress)
            run.refuse_divergence(epoch)
            row: dict[str, Any] = {"epoch": epoch + 1, "loss": round(loss, 5), "accuracy": round(accuracy, 5)}
            row["validation_accuracy"] = round(_accuracy(run.averaged, validation, processes), 5) if validation else ""
            rows.append({**row, "seconds": round(time.monotonic() - start, 1)})
            if processes.number:
                continue
            # The log first: a kill in between costs an epoch, which is trained and logged anew, and no row of the log.
            with whole_files(training_places(out), force=force) as (log, state):
                _write_log(log, rows)
                run.store(state, identity, rows)
    return run.averaged.requires_grad_(False).eval(), rows


def _seed(device: torch.device, seed: int) -> None:
    """The CPU's generator, from which all is drawn but for dropout, and that of the device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def precision_of(device: torch.device) -> torch.dtype | None:
    """What convolutions and linear layers compute with in a training; None for float32, as the weights are kept.

    It is bfloat16 where the device computes with it, else float16 on CUDA, with gradients scaled to its range.
    """
    if computes_bfloat16(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else None


class _Row(BaseModel):
    """What an epoch ended with."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    epoch: int
    loss: Annotated[float, Field(ge=0)]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    validation_accuracy: Annotated[float, Field(ge=0, le=1)] | Literal[""]
    seconds: Annotated[float, Field(ge=0)]


class _Stored(BaseModel):
    """The document of a checkpoint."""

    model_config = ConfigDict(strict=True, extra="forbid")

    identity: dict[str, Any]
    rows: list[_Row] = Field(description="a row for each epoch as training writes them")


class _Run:
    """The state that a training carries from step to step."""

    def __init__(
        self,
        network: NetworkSettings,
        settings: TrainingSettings,
        count: int,
        device: torch.device,
        processes: Processes,
    ) -> None:
        self.settings = settings
        self._processes = processes
        self.network = network
        self.device = device
        self._precision = precision_of(device)
        self._scaler = torch.amp.GradScaler(device.type, _SCALE, enabled=self._precision is torch.float16)
        self.model = untrained(network)
        self.model.to(device).to(memory_format=torch.channels_last)
        average = get_ema_multi_avg_fn(settings.averaging)
        self._average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self._forward: Callable[[Tensor], Tensor] = self.model
        if processes.count > 1:
            share_statistics(self.model)
            # Static, since a network of the caller's may have weights without a use.
            self._forward = DistributedDataParallel(self.model, static_graph=True)
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in self.model.parameters() if weight.ndim > 1]},
            {"params": [weight for weight in self.model.parameters() if weight.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(
            groups,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=0.9,
            nesterov=True,
        )
        self.steps = len(_batches(torch.arange(count), settings.batch_size))
        total = settings.epochs * self.steps
        # OneCycleLR divides by zero where the rise would be exactly one step.
        rise = 0.25 if total != 4 else 0.3
        self.schedule = OneCycleLR(self.optimizer, settings.learning_rate, total_steps=total, pct_start=rise)
        # Without gradients it changes nothing; else the schedule warns where float16 leaves out the first step.
        self.optimizer.step()

    @property
    def averaged(self) -> Classifier:
        module = self._average.module
        assert isinstance(module, Classifier)  # noqa: S101 (for the type checker: AveragedModel holds a copy of model)
        return module

    def epoch(self, epoch: int, data: Images, progress: Progress) -> tuple[float, float]:
        """One pass over the data in random order: mean loss and accuracy on the augmented images."""
        self.model.train()
        loss_sum, right, seen = 0.0, 0, 0
        for index, batch in enumerate(_batches(torch.randperm(len(data.labels)), self.settings.batch_size)):
            # Sorted, so that the memory map is read forwards; the batch's order means nothing.
            chosen = batch.sort().values
            loss, correct = self._step(np.asarray(data.pixels[chosen.numpy()]), data.labels[chosen])
            if not math.isfinite(loss):
                raise self._diverged(epoch, f"the loss is {loss}")
            loss_sum += loss * len(chosen)
            right += correct
            seen += len(chosen)
            done, total = epoch * self.steps + index + 1, self.steps * self.settings.epochs
            progress("training", done, total, epoch=epoch + 1, loss=loss_sum / seen, accuracy=right / seen)
        return loss_sum / seen, right / seen

    def refuse_divergence(self, epoch: int) -> None:
        """Raise ModelError when the model that is saved has a weight that is not finite."""
        if not all(bool(value.isfinite().all()) for value in self.averaged.state_dict().values()):
            raise self._diverged(epoch, "weights are not finite")

    def _diverged(self, epoch: int, what: str) -> ModelError:
        return ModelError(
            f"the training diverged in epoch {epoch + 1}: {what}; "
            f"train with a lower learning rate than {self.settings.learning_rate:g}"
        )

    def _step(self, pixels: NDArray[np.uint8], labels: Tensor) -> tuple[float, int]:
        # The whole batch in every process, so that they draw the same: it takes a fiftieth of the network's time.
        views = augment(normalise(pixels, (0, 0, 0), (1, 1, 1)).to(self.device))[self._processes.part]
        count, labels = len(labels), labels[self._processes.part].to(self.device)
        mean, std = (views.new_tensor(value).reshape(1, 3, 1, 1) for value in (self.network.mean, self.network.std))
        images = ((views - mean) / std).contiguous(memory_format=torch.channels_last)
        with self._autocast(), self._own_draws():
            logits = self._forward(images)
        smoothing = self.settings.label_smoothing
        loss = functional.cross_entropy(logits.float(), labels, reduction="sum", label_smoothing=smoothing) / count
        self.optimizer.zero_grad()
        self._scaler.scale(loss * self._processes.count).backward()  # of whose gradients the mean is taken
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self.schedule.step()
        self._average.update_parameters(self.model)
        right = (logits.argmax(1) == labels).sum()
        loss_of_all, right_of_all = self._processes.total(torch.stack([loss.detach(), right.to(loss.dtype)])).tolist()
        return loss_of_all, int(right_of_all)

    @contextmanager
    def _own_draws(self) -> Iterator[None]:
        """What the network draws here, for dropout, differs from what other processes draw; they go on alike."""
        if self._processes.count == 1:
            yield
            return
        done = self.settings.seed * 1_000_003 + self.schedule.last_epoch
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            _seed(self.device, done * self._processes.count + self._processes.number)
            yield

    def _autocast(self) -> AbstractContextManager[object]:
        return nullcontext() if self._precision is None else torch.autocast(self.device.type, self._precision)

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on, besides the number of steps done."""
        scaler = self._scaler.state_dict()  # nothing where it is not used
        return {
            **{f"model/{name}": value for name, value in self.model.state_dict().items()},
            **{f"average/{name}": value for name, value in self._average.state_dict().items()},
            **{f"momentum/{index}": self._momentum(weight) for index, weight in enumerate(self._weights())},
            **{f"scaler/{name}": torch.tensor(scaler[name]) for name in ("scale", "_growth_tracker") if scaler},
        }

    def _momentum(self, weight: Tensor) -> Tensor:
        """That of a weight; zero for one that the outputs do not depend on, or that is frozen."""
        known: Tensor | None = self.optimizer.state.get(weight, {}).get("momentum_buffer")
        return torch.zeros_like(weight) if known is None else known

    def store(self, path: Path, identity: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        write_tensors(path, self.state(), TRAINING, {"identity": identity, "rows": rows})

    def restore(self, path: Path, identity: dict[str, Any]) -> list[dict[str, Any]]:
        """Take over a stored state, the whole of it or nothing, and give the rows measured so far."""
        try:
            metadata = read_metadata(path)
            stored = validated(_Stored, read_document(metadata[TRAINING]))
            tensors = read_tensors(path, TRAINING) if metadata[CHECKSUM] else {}
            rows = [row.model_dump() for row in stored["rows"]]
            if stored["identity"] == identity:
                self._check(tensors, [row["epoch"] for row in rows])
        except (ModelError, OSError, KeyError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ModelError(
                f"{path} is not a whole checkpoint ({problem}); delete it, or train without --resume"
            ) from error
        if stored["identity"] != identity:
            raise ModelError(
                f"{path} belongs to another training: settings or data differ; "
                "repeat the first command's options, or train without --resume"
            )
        put(self.model, _with_prefix(tensors, "model/"))
        put(self._average, _with_prefix(tensors, "average/"))
        for index, weight in enumerate(self._weights()):
            self.optimizer.state[weight] = {"momentum_buffer": tensors[f"momentum/{index}"].to(self.device, copy=True)}
        told = {name: tensor.item() for name, tensor in _with_prefix(tensors, "scaler/").items()}
        self._scaler.load_state_dict({**self._scaler.state_dict(), **told})
        done = len(rows) * self.steps
        self.schedule.load_state_dict({"last_epoch": done - 1, "_step_count": done + 1})
        self.schedule.step()  # to the rates that follow from the number of steps alone
        return rows

    def _weights(self) -> list[Tensor]:
        return [weight for group in self.optimizer.param_groups for weight in group["params"]]

    def _check(self, tensors: dict[str, Tensor], epochs: list[int]) -> None:
        """Raise ModelError for a state that this training was never in."""
        if epochs != list(range(1, len(epochs) + 1)) or not 1 <= len(epochs) <= self.settings.epochs:
            raise ModelError(f"its rows are of the epochs {listed(epochs)}")
        wanted = self.state()
        if odd := sorted(wanted.keys() ^ tensors.keys()):
            raise ModelError(f"{listed(odd)} missing or not a part of it")
        for name, value in wanted.items():
            found = tensors[name]
            if (found.shape, found.dtype) != (value.shape, value.dtype) or not bool(found.isfinite().all()):
                raise ModelError(f"{name} is not what the network has")
        if int(tensors["average/n_averaged"]) != len(epochs) * self.steps:
            raise ModelError("its number of steps is not that of its epochs")


def _batches(images: Tensor, size: int) -> list[Tensor]:
    """Batches of this size and a smaller last one; never one image alone, of which BatchNorm knows no spread."""
    batches = list(images.split(size))
    return [*batches[:-2], torch.cat(batches[-2:])] if len(batches) > 1 and len(batches[-1]) == 1 else batches


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _digest(images: Images) -> str:
    """What tells images and their classes from others."""
    digest = hashlib.blake2b(np.ascontiguousarray(images.labels.numpy()).data, digest_size=16)
    for start in range(0, len(images.pixels), _CHUNK):
        digest.update(np.ascontiguousarray(images.pixels[start : start + _CHUNK]).data)
    return digest.hexdigest()


def _accuracy(model: Classifier, images: Images, processes: Processes) -> float:
    model.eval()
    labels = images.labels[processes.part]
    predicted = predict(model, images.pixels[processes.part]).argmax(dim=1) if len(labels) else labels
    right = (predicted == labels).sum().to(model.device)
    return int(processes.total(right)) / len(images.labels)


def _write_log(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, LOG_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
