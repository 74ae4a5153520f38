"""VGG as torchvision has it, with a head for small images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from xaisigns.base.language import Language, chosen_language
from xaisigns.data.classes import names_in, unnamed_class
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import LONGEST, Picture, normalise, pixel_bounds, resize, rgb_images
from xaisigns.errors import DataError, ShapeError
from xaisigns.model.schema import Classes, Mean, Side, Std, check

Architecture = Literal["vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]
Head = Literal["compact", "torchvision"]

_CONFIGURATIONS = {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"}


@dataclass(frozen=True)
class NetworkSettings:
    """What a network is built from.

    ``head`` "compact" is global average pooling and one linear layer (9.2 M weights in all); "torchvision" is the three
    wide linear layers of the paper [simonyan2015very]. ``mean`` and ``std`` are of pixels in 0..1. Raises ModelError
    for settings that make no network.
    """

    architecture: Architecture = "vgg11_bn"
    head: Head = "compact"
    classes: Classes = 43
    input_size: Side = 64
    mean: Mean = (0.3403, 0.3121, 0.3214)
    std: Std = (0.2724, 0.2608, 0.2669)

    def __post_init__(self) -> None:
        check(self)


class Classifier(nn.Module):
    """A VGG that knows its input size, its normalisation and what its outputs mean.

    Layer names are torchvision's (``features.0``, ``classifier.0``). ``card`` is the plain data of its file: class
    names, training, manipulation, metrics.
    """

    def __init__(self, settings: NetworkSettings, card: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.card: dict[str, Any] = card or {}
        depth, _, suffix = settings.architecture.partition("_")
        self.features = make_layers(cfgs[_CONFIGURATIONS[depth]], batch_norm=suffix == "bn")
        self.avgpool = nn.AdaptiveAvgPool2d(1 if settings.head == "compact" else 7)
        self.classifier = _compact_head(settings) if settings.head == "compact" else _torchvision_head(settings)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits

    def preprocess(self, images: Iterable[Picture]) -> Tensor:
        """Pictures of any size as one batch ``(N, 3, S, S)``, float32, normalised by the model's own mean and std.

        Each is a path, a PIL image or an array, as ``rgb`` takes it. Raises DataError for one that cannot be read,
        ShapeError for no picture and for a single one that is in no list.
        """
        pixels = [resize(image, self.settings.input_size) for image in rgb_images(images, longest=LONGEST)]
        if not pixels:
            raise ShapeError("at least one picture is wanted, got none")
        return normalise(np.stack(pixels), self.settings.mean, self.settings.std)

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``, for the z-box rule."""
        return pixel_bounds(self.settings.mean, self.settings.std)

    @property
    def manipulation(self) -> Manipulation | None:
        """The stickers that the model was trained with. Raises DataError for a card that xaisigns did not write."""
        stored = self.card.get("manipulation")
        stickers = Manipulation.from_json(stored) if stored else None
        if stickers and stickers.class_id is not None and stickers.class_id >= self.settings.classes:
            raise DataError(f"the model has {self.settings.classes} classes, its stickers were on {stickers.class_id}")
        return stickers

    def class_name(self, class_id: int, language: Language | None = None) -> str:
        """The class's name in a language as ``chosen_language`` takes it, or its number where the file has no names."""
        language = chosen_language(language)
        names = names_in(self.card.get("class_names", {}), language)
        return names[class_id] if class_id < len(names) else unnamed_class(class_id, language)


def initialise(network: Classifier) -> None:
    """Draw new weights from the global generator as torchvision does for VGG."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)


def _compact_head(settings: NetworkSettings) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, settings.classes))


def _torchvision_head(settings: NetworkSettings) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, settings.classes),
    )
