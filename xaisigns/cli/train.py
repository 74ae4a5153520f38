"""xaisigns train: a model file from a data set."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, written
from xaisigns.base.processes import is_first
from xaisigns.base.progress import silent
from xaisigns.cli.options import Device, Force, OptionalRoot, Output, StickerClass
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS


def train(
    out: Annotated[Path, typer.Option(help="Model file to write, such as my.safetensors.")],
    root: OptionalRoot = None,
    sticker_class: StickerClass = None,
    drawn: Annotated[int, typer.Option(min=0, help="Add this many drawn signs per class.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, max=10_000)] = 8,
    input_size: Annotated[int, typer.Option(min=32, max=1024, help="Side length of the images in pixels.")] = 64,
    architecture: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Convolutional network of torchvision's, such as vgg11 or resnet18, or package.module:callable.",
        ),
    ] = "vgg11_bn",
    head: Annotated[
        Literal["compact", "torchvision"] | None,
        typer.Option(
            help="For a VGG: one linear layer (compact, the default), or three (torchvision).", show_default=False
        ),
    ] = None,
    validation: Annotated[float, typer.Option(min=0, max=0.9, help="Share of tracks held out.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the checkpoint of an earlier run.")] = False,
    device: Device = "auto",
    force: Force = False,
    *,
    output: Output,
) -> None:
    """Train a network; each epoch updates a checkpoint and a CSV log next to the model file."""
    from xaisigns.model.experiment import train as train_on

    with output.bars() if is_first() else nullcontext(silent) as progress:
        document = train_on(
            root,
            out=out,
            sticker_class=sticker_class,
            drawn=drawn,
            epochs=epochs,
            input_size=input_size,
            architecture=architecture,
            head=head,
            validation=validation,
            seed=seed,
            resume=resume,
            device=device,
            force=force,
            progress=progress,
        )
    if is_first():
        output.show(document, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    metrics = document["metrics"]
    loss, accuracy = written(f"{metrics['loss']:.3f}", language), percent(metrics["accuracy"], language, 2)
    told = WORDS("trained", language, out=document["model"], loss=loss, accuracy=accuracy)
    held_out = metrics["validation_accuracy"]
    if held_out != "":
        told += WORDS("validated", language, accuracy=percent(held_out, language, 2))
    say(told)
