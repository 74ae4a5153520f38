"""Options that commands share, each declared once: alone, or as a group that a command takes as one parameter."""

import inspect
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.devices import DeviceName
from xaisigns.base.language import LANGUAGE_VARIABLE, Language, languages
from xaisigns.base.progress import Progress
from xaisigns.cli.terminal import bars, print_json

if TYPE_CHECKING:
    from xaisigns.data.preprocessing import RGB
    from xaisigns.model.explainable import Explainable

    _Language = str
else:
    _Language = Literal[languages()]  # from which Typer takes the choices

_ROOT = "Folder with GTSRB (official, Kaggle or torchvision layout), or your own images in train/CLASS and test/CLASS."
Root = Annotated[Path, typer.Argument(metavar="ROOT", help=_ROOT, show_default=False)]
OptionalRoot = Annotated[
    Path | None,
    typer.Argument(metavar="[ROOT]", help=f"{_ROOT} Default: signs drawn by the package.", show_default=False),
]
OptionalImages = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[IMAGE]...", help="Image files. Default: four signs drawn by the package.", show_default=False
    ),
]
MaxPixels = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        help="Skip images with more pixels (WebP: more than half as many); each takes at least 4 bytes of memory.",
    ),
]
Methods = Annotated[
    str,
    typer.Option(
        metavar="SPEC,...",
        help="Methods with their options, such as lrp,occlusion:window=4, or a set: default, composites, all. "
        "'xaisigns methods' lists them.",
    ),
]
Composite = Annotated[str, typer.Option(help="Rules by layer type; 'xaisigns rules' lists the composites.")]
RuleFile = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="TOML file of rules that override the composite.", show_default=False),
]
Masks = Annotated[
    Literal["sticker", "roi"] | None,
    typer.Option(
        help="What heatmaps should point at: the sticker, on images that it turns into its class, or the sign. "
        "Default: the sticker, for a model trained with stickers.",
        show_default=False,
    ),
]
Store = Annotated[
    Path | None,
    typer.Option(
        metavar="STORE",
        help="What 'xaisigns attribute' wrote of this model and these images; what it has is not computed.",
        show_default=False,
    ),
]
Keep = Annotated[
    bool,
    typer.Option("--keep", help="Write that store first, as far as it is not there: every image, by these methods."),
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED)]
StickerClass = Annotated[
    int | None,
    typer.Option(min=0, help="Put black stickers on all training images of this class.", show_default=False),
]
Device = Annotated[
    DeviceName,
    typer.Option("--device", help="Where the network runs. auto: on CUDA, else on MPS, where the machine has it."),
]
Force = Annotated[bool, typer.Option("--force", help="Also overwrite files that xaisigns did not write.")]


@dataclass(frozen=True)
class _Read:
    """How networks are read, and where they run; ``model`` is what a command takes of them, first of the options."""

    model: object
    input_size: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=1024,
            metavar="PIXELS",
            help="For a checkpoint trained elsewhere: side length of its images in pixels.",
            show_default=False,
        ),
    ] = None
    mean: Annotated[
        str | None, typer.Option(metavar="R,G,B", help="Likewise: mean of the pixels, in 0..1.", show_default=False)
    ] = None
    std: Annotated[
        str | None,
        typer.Option(metavar="R,G,B", help="Likewise: standard deviation of the pixels, in 0..1.", show_default=False),
    ] = None

    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Likewise, unless it is a VGG: its architecture, such as resnet18. package.module:callable, also for "
            "a model file, is a network of your own, which is imported and called.",
            show_default=False,
        ),
    ] = None
    device: Device = "auto"

    def _loaded(self, model: str) -> "Explainable":
        from xaisigns.model.checkpoint import load_model
        from xaisigns.model.explainable import Preprocessing

        if self.input_size is None and self.mean is None and self.std is None:
            return load_model(model, architecture=self.architecture, device=self.device)
        if self.input_size is None or self.mean is None or self.std is None:
            raise typer.BadParameter("--input-size, --mean and --std go together: give all three")
        mean, std = _rgb(self.mean, "--mean"), _rgb(self.std, "--std")
        preprocessing = Preprocessing(self.input_size, mean, std)
        return load_model(model, preprocessing, self.architecture, device=self.device)


@dataclass(frozen=True)
class Network(_Read):
    """The network that a command runs."""

    model: Annotated[str, typer.Option(help="Model to use: clean, stickered, or a model file.")] = "stickered"

    def load(self) -> "Explainable":
        """The model that the options name, on its device.

        Raises as ``load_model`` does, and BadParameter for half of the options.
        """
        return self._loaded(self.model)


@dataclass(frozen=True)
class Networks(_Read):
    """The network that a command runs, or several on the same images."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model to use: clean, stickered, or a model file; repeatable, for models beside each other. "
            "Default: stickered.",
            show_default=False,
        ),
    ] = None

    def load(self) -> "Explainable | dict[str, Explainable]":
        """The model that the options name, on its device, or several by short names that tell them apart.

        Of several models, what a checkpoint trained elsewhere cannot tell is told to such ones alone, if there is any.
        Raises as ``load_model`` does, and BadParameter for half of the options and for a model that comes twice.
        """
        from xaisigns.cli.model_names import told_apart
        from xaisigns.model.checkpoint import stored_architecture

        models = self.model or ["stickered"]
        if len(models) == 1:
            return self._loaded(models[0])
        names = told_apart(models)
        stored = [stored_architecture(model) for model in models]
        read = [
            self if architecture is None or None not in stored else self._for_a_model_file(architecture)
            for architecture in stored
        ]
        return {name: own._loaded(model) for name, own, model in zip(names, read, models, strict=True)}

    def words(self) -> list[str]:
        """What one types to name these models again; nothing for the default."""
        words = [word for model in self.model or () for word in ("--model", model)]
        told = {"--input-size": self.input_size, "--mean": self.mean, "--std": self.std}
        for option, value in {**told, "--architecture": self.architecture}.items():
            words += [] if value is None else [option, str(value)]
        return words

    def _for_a_model_file(self, stored: str) -> "Networks":
        """The same options without those that a file with this architecture tells itself."""
        architecture = stored if self.architecture == stored else None
        return replace(self, input_size=None, mean=None, std=None, architecture=architecture)


@dataclass(frozen=True)
class Output:
    """How a command answers: in which language, and as a table or as JSON."""

    lang: Annotated[
        _Language, typer.Option(envvar=LANGUAGE_VARIABLE, help="Language of names, tables, pictures and reports.")
    ] = "en"
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")] = False

    def bars(self) -> AbstractContextManager[Progress]:
        """Progress bars in the language."""
        return bars(self.lang)

    def show(self, document: Any, table: Callable[[Any, Language], None]) -> None:
        """Print the document as JSON, or hand it to the function that prints it for people."""
        if self.json:
            print_json(document)
        else:
            table(document, self.lang)


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer takes it: in place of each group among its parameters stand the options of the group."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if is_dataclass(group := parameter.annotation):
            groups[parameter.name] = group
            parameters += _options(group)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _options(group: Any) -> list[inspect.Parameter]:
    kinds = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kinds[field.name]
        )
        for field in fields(group)
    ]


def target_class(text: str) -> int | Literal["predicted"]:
    """What --target says: a class number, or the predicted class."""
    if text == "predicted":
        return "predicted"
    number = class_number(text)
    if number is None:
        raise typer.BadParameter(f"wanted 'predicted' or a class number, got {text!r}", param_hint="--target")
    return number


def class_number(text: str) -> int | None:
    """The number that the digits 0 to 9 say; None for any other text, and for more than nine of them."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def class_numbers(text: str | None) -> list[int] | None:
    """What --classes says, such as 4,14; None where it is not given."""
    if text is None:
        return None
    numbers = [class_number(part.strip()) for part in text.split(",")]
    if None in numbers:
        raise typer.BadParameter(f"wanted class numbers such as 4,14, got {text!r}", param_hint="--classes")
    return [number for number in numbers if number is not None]


def _rgb(text: str, option: str) -> "RGB":
    with suppress(ValueError):
        red, green, blue = map(float, text.split(","))
        if all(map(math.isfinite, (red, green, blue))):
            return red, green, blue
    raise typer.BadParameter(f"wanted three numbers such as 0.35,0.31,0.33, got {text!r}", param_hint=option)
