"""A network that knows its input size, its normalisation and what its outputs mean."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Tensor, nn

from xaisigns.data.image_set import ClassNames
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DataError, ModelError
from xaisigns.model.architectures import VGGS, check_architecture
from xaisigns.model.explainable import Described, Preprocessing
from xaisigns.model.schema import Classes, Mean, Side, Std, check

Head = Literal["compact", "torchvision"]
_Architecture = Annotated[str, Field(strict=True, max_length=200, description="a text of at most 200 characters")]


@dataclass(frozen=True)
class NetworkSettings:
    """What a network is built from.

    ``architecture`` is one of ``architectures.ARCHITECTURES``, or ``package.module:callable``. ``head`` is for a VGG
    alone: "compact" (the default) is global average pooling and one linear layer (9.2 M weights in all), "torchvision"
    the three wide linear layers of the paper [simonyan2015very]. ``mean`` and ``std`` are of pixels in 0..1. Raises
    ModelError for settings that make no network.
    """

    architecture: _Architecture = "vgg11_bn"
    head: Head | None = None
    classes: Classes = 43
    input_size: Side = 64
    mean: Mean = (0.3403, 0.3121, 0.3214)
    std: Std = (0.2724, 0.2608, 0.2669)

    def __post_init__(self) -> None:
        check(self)
        check_architecture(self.architecture)
        if self.architecture in VGGS:
            object.__setattr__(self, "head", self.head or "compact")
        elif self.head is not None:
            raise ModelError(f"head: {self.architecture} has its own head, {self.head!r} is for VGGs; leave it out")


class Classifier(Described, nn.Module):
    """A network with its settings; ``card`` is the plain data of its file: class names, training, metrics, ...

    Of what subclass it is follows from the architecture.
    """

    def __init__(self, settings: NetworkSettings, card: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.card: dict[str, Any] = card or {}

    @property
    def module(self) -> nn.Module:
        """The network: itself."""
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures become its images."""
        return Preprocessing(self.settings.input_size, self.settings.mean, self.settings.std)

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
    def manipulation(self) -> Manipulation | None:
        """The stickers that the model was trained with. Raises DataError for a card that xaisigns did not write."""
        stored = self.card.get("manipulation")
        stickers = Manipulation.from_json(stored) if stored else None
        if stickers and stickers.class_id is not None and stickers.class_id >= self.classes:
            raise DataError(f"the model has {self.classes} classes, its stickers were on {stickers.class_id}")
        return stickers


class Wrapped(Classifier):
    """A network that was not written for the package; its layers keep their names, without a prefix."""

    def __init__(self, network: nn.Module, settings: NetworkSettings, card: dict[str, Any] | None = None) -> None:
        super().__init__(settings, card)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of normalised images ``(N, 3, H, W)``."""
        logits: Tensor = self.network(x)
        return logits

    @property
    def module(self) -> nn.Module:
        """The network itself."""
        return self.network
