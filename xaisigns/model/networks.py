"""From settings to a network: as training begins with it, or to be filled with weights."""

from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.errors import ModelError
from xaisigns.model.architectures import VGGS, build
from xaisigns.model.classifier import Classifier, NetworkSettings, Wrapped
from xaisigns.model.vgg import VGG, initialise


def untrained(settings: NetworkSettings) -> Classifier:
    """A network with the weights that training begins with, drawn from the global generator.

    Raises ModelError as ``build`` does.
    """
    if settings.architecture in VGGS:
        vgg = VGG(settings)
        initialise(vgg)
        return vgg
    return Wrapped(build(settings.architecture, settings.classes), settings)


def unfilled(settings: NetworkSettings, card: dict[str, Any] | None = None) -> Classifier:
    """A network that still needs its weights; the global generator is left as it was.

    Raises ModelError as ``build`` does.
    """
    if settings.architecture in VGGS:
        with torch.device("meta"):
            return VGG(settings, card)
    # Not on the meta device, where some compute with numbers that they do not have.
    with torch.random.fork_rng(devices=[]):
        return Wrapped(build(settings.architecture, settings.classes), settings, card)


def check_network(settings: NetworkSettings) -> None:
    """Raise ModelError for an architecture that makes no network for images of this size and this many classes."""
    if settings.architecture not in VGGS:
        check_outputs(unfilled(settings).module, settings)


def check_outputs(network: nn.Module, settings: NetworkSettings) -> None:
    """Raise ModelError for a network that does not make ``classes`` logits of an image of its size."""
    found = outputs(network, settings.architecture, settings.input_size)
    if found != settings.classes:
        raise ModelError(
            f"{settings.architecture} has {found} outputs, wanted {settings.classes}, one for each class; let it take "
            "num_classes"
        )


def outputs(network: nn.Module, architecture: str, input_size: int) -> int:
    """How many logits a network makes of one image. Raises ModelError where it makes none."""
    # The layers are told one by one: a mode that is not the network's own would stay for some.
    training = [module for module in network.modules() if module.training]
    weight = next(network.parameters(), torch.empty(0))
    try:
        with torch.no_grad():
            logits: Any = network.eval()(torch.zeros(1, 3, input_size, input_size).to(weight))
    except Exception as error:
        raise ModelError(
            f"{architecture} cannot take images (N, 3, {input_size}, {input_size}): {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}; give another input size, or mend it"
        ) from error
    finally:
        for module in training:
            module.training = True
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        told = f"a tensor {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise ModelError(f"{architecture} must make logits (N, classes) of images (N, 3, H, W), got {told}")
    return logits.shape[1]
