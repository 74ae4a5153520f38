"""What can be explained: a network, how its images are prepared, and what its outputs are called."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from xaisigns.base.bounds import shown
from xaisigns.base.language import Language, chosen_language
from xaisigns.data.classes import names_in, unnamed_class
from xaisigns.data.image_set import ClassNames
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import LONGEST, Picture, resize, rgb_images
from xaisigns.data.tensors import normalise, pixel_bounds
from xaisigns.errors import ModelError, ShapeError
from xaisigns.model.schema import Mean, Side, Std, check


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become a network's images: its side in pixels, and the mean and deviation of pixels in 0..1.

    Raises ModelError for what cannot be.
    """

    input_size: Side
    mean: Mean
    std: Std

    def __post_init__(self) -> None:
        check(self)

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``."""
        return pixel_bounds(self.mean, self.std)

    def batch(self, pictures: Iterable[Picture]) -> Tensor:
        """Pictures of any size as one batch ``(N, 3, S, S)``, float32, normalised.

        Each is a path, a PIL image or an array, as ``rgb`` takes it. Raises DataError for one that cannot be read,
        ShapeError for no picture and for a single one that is in no list.
        """
        pixels = [resize(image, self.input_size) for image in rgb_images(pictures, longest=LONGEST)]
        if not pixels:
            raise ShapeError("at least one picture is wanted, got none")
        return normalise(np.stack(pixels), self.mean, self.std)


class Explainable(Protocol):
    """All that studies, pictures and reports ask of a model, whatever network it is.

    Pictures become its images by ``batch_for`` alone; a method ``preprocess`` of its own is for its callers.
    """

    @property
    def module(self) -> nn.Module:
        """The network: from images ``(N, 3, S, S)`` to logits ``(N, classes)``."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures become its images."""

    @property
    def device(self) -> torch.device:
        """Where the network is."""

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""

    @property
    def class_names(self) -> ClassNames:
        """The classes' names in the order of their ids, for each language; empty where nobody has named them."""

    @property
    def manipulation(self) -> Manipulation | None:
        """The stickers that it was trained with."""

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``, for the z-box rule."""

    def class_name(self, class_id: int, language: Language | None = None) -> str:
        """The class's name, or its number where it has none."""


def batch_for(model: Explainable, pictures: Iterable[Picture]) -> Tensor:
    """Pictures as one batch of the model's images, where the model is. Raises as ``Preprocessing.batch`` does."""
    return model.preprocessing.batch(pictures).to(model.device)


class Described:
    """What follows from a model's network, its preprocessing and its class names."""

    @property
    def device(self: Explainable) -> torch.device:
        """Where the network is."""
        return next(self.module.parameters()).device

    @property
    def bounds(self: Explainable) -> tuple[Tensor, Tensor]:
        """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``, for the z-box rule."""
        return self.preprocessing.bounds

    def preprocess(self: Explainable, images: Iterable[Picture]) -> Tensor:
        """Pictures of any size as one batch ``(N, 3, S, S)``, float32, normalised by the model's own mean and std.

        It is on the model's device. Raises as ``Preprocessing.batch`` does.
        """
        return batch_for(self, images)

    def class_name(self: Explainable, class_id: int, language: Language | None = None) -> str:
        """The class's name in a language as ``chosen_language`` takes it, or its number where it has no name."""
        language = chosen_language(language)
        names = names_in(self.class_names, language)
        return names[class_id] if class_id < len(names) else unnamed_class(class_id, language)


def module_of(model: nn.Module | Explainable) -> nn.Module:
    """The network of a model, which a bare module is itself.

    Raises ModelError for what has none, and for one around which hooks do more than it does.
    """
    bare = isinstance(model, nn.Module) and not is_explainable(model)
    module = model if bare else getattr(model, "module", model)
    if not isinstance(module, nn.Module):
        raise ModelError(f"a network or a model that xs.load_model gives is wanted, got {shown(model)}")
    if module is not model and isinstance(model, nn.Module) and (model._forward_hooks or model._forward_pre_hooks):
        raise ModelError("the model has hooks that its network does not have; register them on a layer of model.module")
    return module


def is_explainable(model: object) -> TypeGuard[Explainable]:
    """Whether a model tells more than a bare module does."""
    return isinstance(getattr(model, "preprocessing", None), Preprocessing)
