"""xaisigns train: a model file from a data set."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from xaisigns.base.numbers import percent, written
from xaisigns.cli.terminal import Force, Json, Lang, OptionalRoot, bars, or_rendered, print_json, say
from xaisigns.cli.words import WORDS


def train(
    out: Annotated[Path, typer.Option(help="Model file to write, such as my.safetensors.")],
    root: OptionalRoot = None,
    sticker_class: Annotated[
        int | None,
        typer.Option(min=0, help="Put black stickers on all training images of this class.", show_default=False),
    ] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Add this many drawn signs of each class.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, max=10_000)] = 8,
    input_size: Annotated[int, typer.Option(min=32, max=1024, help="Pixels on each side.")] = 64,
    architecture: Annotated[Literal["vgg11_bn", "vgg11"], typer.Option(help="With or without BatchNorm.")] = "vgg11_bn",
    head: Annotated[Literal["compact", "torchvision"], typer.Option(help="One linear layer, or three.")] = "compact",
    validation: Annotated[float, typer.Option(min=0, max=0.9, help="Share of tracks held out.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an earlier run.")] = False,
    force: Force = False,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Train a VGG11; after each epoch a checkpoint and a CSV log lie beside the model file."""
    from xaisigns.data.classes import check_class
    from xaisigns.data.manipulation import Manipulation
    from xaisigns.model.experiment import train_model
    from xaisigns.model.places import check_training_places
    from xaisigns.model.training import TrainingSettings
    from xaisigns.model.vgg import NetworkSettings

    network = NetworkSettings(architecture=architecture, head=head, input_size=input_size)
    settings = TrainingSettings(epochs=epochs, seed=seed)
    manipulation = None if sticker_class is None else Manipulation(sticker_class)
    check_training_places(out, force=force)
    if root is None and sticker_class is not None:
        check_class(sticker_class)  # before signs are drawn
    with bars(lang) as progress:
        card = train_model(
            or_rendered(root, progress),
            out,
            network,
            settings,
            manipulation=manipulation,
            drawn_per_class=drawn,
            validation=validation,
            resume=resume,
            force=force,
            progress=progress,
        )
    if json:
        print_json({"model": str(out), **{key: card[key] for key in ("training", "manipulation", "data", "metrics")}})
    else:
        metrics = card["metrics"]
        loss, accuracy = written(f"{metrics['loss']:.3f}", lang), percent(metrics["accuracy"], lang, 2)
        told = WORDS("trained", lang, out=out, loss=loss, accuracy=accuracy)
        held_out = metrics["validation_accuracy"]
        if held_out != "":
            told += WORDS("validated", lang, accuracy=percent(held_out, lang, 2))
        say(told)
