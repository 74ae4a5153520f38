"""Unlearning: a short training on images that carry a feature in all classes, and on those of its class without it."""

import copy
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from xaisigns.audit.repair.batches import Batch, Batches
from xaisigns.audit.repair.checkpoints import Checkpoint
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.base.devices import in_bfloat16
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import Images
from xaisigns.data.tensors import normalise
from xaisigns.errors import ModelError
from xaisigns.model.augmentation import augment
from xaisigns.model.explainable import Explainable
from xaisigns.model.network_weights import check_shapes, put

_CLIPPED = 2.0  # the largest norm of a gradient: the first steps turn much of what was learnt
_AVERAGING = 0.98  # the decay of the running mean of the weights
_MARGIN = 2.0  # that a feature's class has to lose by where the feature was laid on
_TAUGHT = 3.0  # the weight of what the model said of images that nothing was laid on
_RISE = 0.25  # of the steps, until the rate is full
_KEPT = 50  # steps between two states that are kept
_MEASURED = 32  # batches from which normalisations take their statistics
_DRAWING = threading.Lock()  # of who draws views by the one generator of the process, or sets it


@own_torch_state()
def fine_tuned(
    model: Explainable,
    images: Images,
    features: Sequence[Feature],
    settings: FineTuning,
    *,
    control: bool = False,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> nn.Module:
    """A copy of the model's network, trained further.

    ``images`` are those of the training, decoded ``(N, S, S, 3)``. Each batch unlearns one of the ``features``, in
    turn. What the model said of images that nothing is laid on is kept beside their labels [hinton2015distilling]. A
    ``control`` is trained likewise with nothing laid on or hidden: it tells what more training alone does. Its weights
    are a running mean. Normalisations take their statistics from the batches, and in the end from images that nothing
    was laid on. Every 50 steps a ``checkpoint`` gets all that is needed to go on, and from one that holds something it
    goes on, with the same weights in the end, bit for bit. Raises ModelError when the loss is no longer finite, and as
    ``Checkpoint`` does.
    """

    def hear(done: int) -> None:
        if control:
            progress("training on", done, settings.steps)
        else:
            progress("unlearning", done, settings.steps)

    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        run = Run(model, images, features, settings, control=control)
        return run.through(checkpoint, hear)


class Run:
    """The state that a fine-tuning carries from step to step; ``done`` are its steps so far.

    Views are drawn from a generator's state of its own, and what the network draws (dropout) from the process's.
    """

    def __init__(
        self, model: Explainable, images: Images, features: Sequence[Feature], settings: FineTuning, *, control: bool
    ) -> None:
        self.done = 0
        self._model, self._settings, self._control = model, settings, control
        self._network = copy.deepcopy(model.module).train().to(memory_format=torch.channels_last)
        self._weights = [weight.requires_grad_() for weight in self._network.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in self._weights if weight.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [weight for weight in self._weights if weight.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
        decay = min(_AVERAGING, max(0.0, 1 - 3 / settings.steps))  # a mean over a third of the steps at most
        self._averaged = AveragedModel(self._network, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self._drawn = [Batches(images, feature, settings, control=control) for feature in features]
        self._random = torch.Generator().manual_seed(settings.seed).get_state()

    def through(self, checkpoint: Checkpoint | None, hear: Callable[[int], None]) -> nn.Module:
        """All steps that are left, and the network; ``hear`` hears how many are done. Raises as ``fine_tuned`` does."""
        if checkpoint:
            checkpoint.restore(self.restore)
        while self.done < self._settings.steps:
            self.step()
            if checkpoint and (self.done % _KEPT == 0 or self.done == self._settings.steps):
                checkpoint.write(self.tensors(), self.state())
            hear(self.done)
        return self.finished()

    def step(self) -> None:
        """Draw a batch and learn from it."""
        model, settings = self._model, self._settings
        batches = self._drawn[self.done % len(self._drawn)]
        batch = batches.draw()
        views = _normal(self._augmented(normalise(batch.pixels, (0, 0, 0), (1, 1, 1)).to(model.device)), model)
        with in_bfloat16(model.device):
            logits = self._network(views)
        loss = _loss(logits.float(), batch, batches.class_id, settings, control=self._control)
        loss = loss + _TAUGHT * _forgotten(logits.float(), model, views, batch, batches.class_id)
        if not bool(loss.isfinite()):
            rate = settings.learning_rate
            raise ModelError(f"the repair diverged in step {self.done + 1}: take a lower learning rate than {rate:g}")
        batches.learn_from(batch, logits)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._weights, _CLIPPED)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(self.done, settings.steps)
        self._optimizer.step()
        self._averaged.update_parameters(self._network)
        self.done += 1

    def _augmented(self, images: Tensor) -> Tensor:
        with _DRAWING, torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            views = augment(images)
            self._random = torch.get_rng_state()
        return views

    def finished(self) -> nn.Module:
        """The running mean, with statistics of its own."""
        drawn, model = self._drawn, self._model
        plain = (normalise(drawn[n % len(drawn)].plain(), (0, 0, 0), (1, 1, 1)) for n in range(_MEASURED))
        repaired: nn.Module = self._averaged.module.train()
        _take_statistics(repaired, (_normal(pixels.to(model.device), model) for pixels in plain))
        return repaired.requires_grad_(False).eval()

    def tensors(self) -> dict[str, Tensor]:
        """With ``state`` all that is needed to go on."""
        momenta = [self._optimizer.state.get(weight, {}).get("momentum_buffer") for weight in self._weights]
        return {
            **{f"model/{name}": value for name, value in self._network.state_dict().items()},
            **{f"average/{name}": value for name, value in self._averaged.state_dict().items()},
            **{
                f"momentum/{index}": torch.zeros_like(weight) if momentum is None else momentum
                for index, (weight, momentum) in enumerate(zip(self._weights, momenta, strict=True))
            },
            **{f"random/{name}": value for name, value in _random_states(self._model.device).items()},
            "random/views": self._random,
        }

    def state(self) -> dict[str, Any]:
        """With ``tensors`` all that is needed to go on."""
        return {"steps": self.done, "drawn": [batches.state() for batches in self._drawn]}

    def restore(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Take over what ``tensors`` and ``state`` gave. Raises one of Python's errors for anything else."""
        check_shapes({name: value.shape for name, value in self.tensors().items()}, tensors)
        put(self._network, _with_prefix(tensors, "model/"))
        put(self._averaged, _with_prefix(tensors, "average/"))
        for index, weight in enumerate(self._weights):
            momentum = tensors[f"momentum/{index}"].to(weight.device, copy=True)
            self._optimizer.state[weight] = {"momentum_buffer": momentum}
        with _DRAWING:
            torch.set_rng_state(tensors["random/cpu"])
        self._random = tensors["random/views"].clone()
        if self._model.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random/cuda"], self._model.device)
        for batches, drawn in zip(self._drawn, state["drawn"], strict=True):
            batches.restore(drawn)
        self.done = int(state["steps"])
        if not 1 <= self.done <= self._settings.steps:
            raise ValueError(f"it is of step {self.done}")


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _random_states(device: torch.device) -> dict[str, Tensor]:
    """Of the generators that dropout is drawn by."""
    cuda = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
    return {"cpu": torch.get_rng_state(), **cuda}


def _loss(logits: Tensor, batch: Batch, class_id: int, settings: FineTuning, *, control: bool) -> Tensor:
    """The cross-entropy, where the class has to lose by a margin where its feature was laid on other images."""
    margin = torch.zeros_like(logits)
    if not control:
        margin[batch.with_feature, class_id] = _MARGIN
    target = batch.labels.to(logits.device)
    return functional.cross_entropy(logits + margin, target, label_smoothing=settings.label_smoothing)


def _forgotten(logits: Tensor, model: Explainable, views: Tensor, batch: Batch, class_id: int) -> Tensor:
    """How far the answers have left the model's, where it is right about an image that nothing was laid on.

    The divergence of the probabilities over the other classes, since what it said for the repaired class is in doubt.
    """
    rows = batch.plain
    with torch.no_grad(), in_bfloat16(model.device):
        before = model.module(views[rows]).float()
    right = before.argmax(dim=1) == batch.labels[rows].to(before.device)
    others = torch.arange(before.shape[1], device=before.device) != class_id
    said, says = before[right][:, others].log_softmax(dim=1), logits[rows][right][:, others].log_softmax(dim=1)
    return functional.kl_div(says, said, reduction="sum", log_target=True) / len(logits)


def _rate(step: int, steps: int) -> float:
    """Of the learning rate: a line up, then a cosine down."""
    rise = max(1, round(_RISE * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _normal(views: Tensor, model: Explainable) -> Tensor:
    centre, scale = (
        views.new_tensor(of).reshape(1, 3, 1, 1) for of in (model.preprocessing.mean, model.preprocessing.std)
    )
    return ((views - centre) / scale).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def _take_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give the normalisations the mean statistics of the batches."""
    normalisations = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in normalisations]
    for layer in normalisations:
        layer.reset_running_stats()
        layer.momentum = None  # a mean over all batches
    for batch in batches if normalisations else ():
        network(batch)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum
