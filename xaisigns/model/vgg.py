"""VGG as torchvision has it, with a head for small images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xaisigns.base.language import Language, chosen_language
from xaisigns.data.classes import names_in, unnamed_class
from xaisigns.data.image_set import ClassNames
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import Picture
from xaisigns.errors import DataError
from xaisigns.model.explainable import Preprocessing, batch_for
from xaisigns.model.schema import Classes, Mean, Side, Std, check

Architecture = Literal["vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]
Head = Literal["compact", "torchvision"]

# Convolutions between one maximum and the next, and how many channels they give.
_CONVOLUTIONS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


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
        self.features = _features(settings.architecture)
        self.avgpool = nn.AdaptiveAvgPool2d(1 if settings.head == "compact" else 7)
        self.classifier = _compact_head(settings) if settings.head == "compact" else _torchvision_head(settings)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits

    @property
    def module(self) -> "Classifier":
        """The network: itself."""
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures become its images."""
        return Preprocessing(self.settings.input_size, self.settings.mean, self.settings.std)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.parameters()).device

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        return self.settings.classes

    @property
    def class_names(self) -> ClassNames:
        """The classes' names in the order of their ids, for each language; empty where its file has none."""
        names: ClassNames = self.card.get("class_names", {})
        return names

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``, for the z-box rule."""
        return self.preprocessing.bounds

    @property
    def manipulation(self) -> Manipulation | None:
        """The stickers that the model was trained with. Raises DataError for a card that xaisigns did not write."""
        stored = self.card.get("manipulation")
        stickers = Manipulation.from_json(stored) if stored else None
        if stickers and stickers.class_id is not None and stickers.class_id >= self.classes:
            raise DataError(f"the model has {self.classes} classes, its stickers were on {stickers.class_id}")
        return stickers

    def preprocess(self, images: Iterable[Picture]) -> Tensor:
        """Pictures of any size as one batch ``(N, 3, S, S)``, float32, normalised by the model's own mean and std.

        It is on the model's device. Raises as ``Preprocessing.batch`` does.
        """
        return batch_for(self, images)

    def class_name(self, class_id: int, language: Language | None = None) -> str:
        """The class's name in a language as ``chosen_language`` takes it, or its number where the file has no names."""
        language = chosen_language(language)
        names = names_in(self.class_names, language)
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


def _features(architecture: Architecture) -> nn.Sequential:
    depth, _, suffix = architecture.partition("_")
    layers: list[nn.Module] = []
    channels = 3
    for count, width in zip(_CONVOLUTIONS[depth], _WIDTHS, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            layers += [nn.BatchNorm2d(width)] if suffix else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


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
