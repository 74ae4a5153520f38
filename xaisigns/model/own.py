"""A network of the caller's own, with all that pictures, scores and reports ask of a model."""

from collections.abc import Mapping, Sequence

from torch import nn

from xaisigns.base.bounds import shown
from xaisigns.base.language import Language
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.image_set import ClassNames
from xaisigns.errors import ModelError
from xaisigns.model.explainable import Described, Preprocessing
from xaisigns.model.networks import outputs


class Model(Described):
    """A network with how its images are prepared and what its classes are called: what every verb takes as a model.

    ``module`` makes logits ``(N, classes)`` of normalised images ``(N, 3, S, S)``; it is kept as it is, and answers as
    in eval mode. ``class_names`` are in the order of the outputs, a list or one for each language; without them classes
    are called by their numbers. Raises ModelError for anything but a network that takes such images, and for more or
    fewer names than it has outputs.
    """

    def __init__(
        self,
        module: nn.Module,
        preprocessing: Preprocessing,
        class_names: Sequence[str] | Mapping[Language, Sequence[str]] = (),
    ) -> None:
        if not isinstance(module, nn.Module):
            raise ModelError(f"a torch.nn.Module is wanted, got {shown(module)}")
        if not isinstance(preprocessing, Preprocessing):
            raise ModelError(f"an xs.Preprocessing is wanted, got {shown(preprocessing)}")
        self.module, self.preprocessing = module, preprocessing
        with own_torch_state():
            self.classes = outputs(module, type(module).__name__, preprocessing.input_size)
        self.class_names = _by_language(class_names, self.classes)
        self.manipulation = None


def _by_language(names: Sequence[str] | Mapping[Language, Sequence[str]], classes: int) -> ClassNames:
    by_language = names if isinstance(names, Mapping) else {"en": names} if len(names) else {}
    for language, these in by_language.items():
        if isinstance(these, str) or not all(isinstance(name, str) for name in these):
            raise ModelError(f"class names must be texts in a list, got {shown(these)}")
        if len(these) != classes:
            raise ModelError(f"there are {len(these)} class names in {language!r} for {classes} outputs")
    return {language: tuple(these) for language, these in by_language.items()}
