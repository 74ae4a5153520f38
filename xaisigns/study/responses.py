"""What a network makes of many images: logits, and how strongly its channels answer in each part of the image."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from xaisigns.attribution.agreement import faithful_copy
from xaisigns.attribution.flow import gate_layers
from xaisigns.attribution.network import Network, leaves
from xaisigns.base.cache import digest_of, made_by
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import AuditError
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.model.own import Model
from xaisigns.study.model_cache import Arrays, ModelCache

GRID = 4  # parts along a side of the image
PARTS = GRID**2
# Where among the convolutions those are that are listened to: early ones tell colours and edges, later ones shapes.
_DEPTHS = (0.15, 0.45)


class Responses(NamedTuple):
    """Logits ``(N, classes)`` float32, and what the channels of some layers answer: ``parts`` ``(N, P, C)`` float16.

    Of each of the P = 16 equal parts of the image, row by row, it is the mean activation of each channel, of all
    ``layers`` side by side; negative ones count as 0. A layer is a convolution of the canonized network, with BatchNorm
    where that is folded, and has its number of channels in ``layers``.
    """

    logits: NDArray[np.float32]
    layers: dict[str, int]
    parts: NDArray[np.float16]


def respond(
    model: Explainable, pixels: NDArray[np.uint8], cache: ModelCache | None = None, progress: Progress = silent
) -> Responses:
    """All that one prediction pass over decoded images ``(N, S, S, 3)`` uint8 gives, kept in the model's ``cache``.

    Batches keep the memory bounded. Raises AuditError for a network without convolutions, RuleError for one that LRP
    cannot take, and ModelError for outputs that are not finite.
    """
    network, _ = faithful_copy(module_of(model))
    layers = listened_to(network)

    def make() -> Arrays:
        canonized = Model(network, model.preprocessing)
        with _heard(network, list(layers)) as heard:
            logits = predict(canonized, pixels, progress).numpy()
        return {"logits": logits, "parts": np.concatenate([np.concatenate(parts) for parts in heard], axis=2)}

    found = (cache or ModelCache(model)).recall(
        "responses", [made_by(("study/responses.py",), ()), digest_of(pixels)], make
    )
    return Responses(found["logits"], layers, found["parts"])


def listened_to(network: Network) -> dict[str, int]:
    """The convolutions whose channels an audit listens to, and how many each of them has."""
    gates = gate_layers(network)  # which answer to the image as a whole
    convolutions = [
        (name, layer) for name, layer in leaves(network).items() if isinstance(layer, nn.Conv2d) and name not in gates
    ]
    if not convolutions:
        raise AuditError("an audit needs a network with convolutions (Conv2d); this one has none")
    chosen = [convolutions[round(depth * (len(convolutions) - 1))] for depth in _DEPTHS]
    return {name: layer.out_channels for name, layer in chosen}  # one where the two are the same


def listen(network: Network, layers: Sequence[str], images: Tensor) -> NDArray[np.float16]:
    """What these layers of a canonized network answer in the parts of normalised images, ``(N, P, C)`` float16."""
    with own_torch_state(), torch.inference_mode(), _heard(network, layers) as heard:
        network(images)
    return np.concatenate([parts[0] for parts in heard], axis=2)


@contextmanager
def _heard(network: Network, names: Sequence[str]) -> Iterator[list[list[NDArray[np.float16]]]]:
    """In here each batch adds what each layer answers in the parts of its images."""
    heard: list[list[NDArray[np.float16]]] = [[] for _ in names]
    handles = []
    for name, parts in zip(names, heard, strict=True):

        def hear(
            layer: nn.Module,  # noqa: ARG001 (torch's)
            inputs: tuple[Tensor, ...],  # noqa: ARG001
            output: Tensor,
            parts: list[NDArray[np.float16]] = parts,
        ) -> None:
            answers = adaptive_avg_pool2d(output.clamp(min=0).float(), GRID).flatten(2).transpose(1, 2)
            parts.append(answers.clamp(max=torch.finfo(torch.float16).max).half().numpy(force=True))

        handles.append(leaves(network)[name].register_forward_hook(hear))
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()
