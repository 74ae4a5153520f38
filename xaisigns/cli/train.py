"""xaisigns train: a model file from a data set."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from xaisigns.cli.terminal import Json, OptionalRoot, bars, or_rendered, percent, print_json


def train(
    out: Annotated[Path, typer.Option(help="Model file to write, such as my.safetensors.")],
    root: OptionalRoot = None,
    sticker_class: Annotated[
        int | None,
        typer.Option(help="Put black stickers on all training images of this class.", show_default=False),
    ] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Add this many drawn signs of each class.")] = 0,
    epochs: Annotated[int, typer.Option(min=1)] = 8,
    input_size: Annotated[int, typer.Option(min=32, help="Pixels on each side.")] = 64,
    architecture: Annotated[Literal["vgg11_bn", "vgg11"], typer.Option(help="With or without BatchNorm.")] = "vgg11_bn",
    head: Annotated[Literal["compact", "torchvision"], typer.Option(help="One linear layer, or three.")] = "compact",
    validation: Annotated[float, typer.Option(min=0, max=0.9, help="Share of tracks held out.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an earlier run.")] = False,
    json: Json = False,
) -> None:
    """Train a VGG11; after each epoch a checkpoint and a CSV log lie beside the model file."""
    from xaisigns.data.manipulation import Manipulation
    from xaisigns.model.experiment import train_model
    from xaisigns.model.training import Progress, TrainingSettings
    from xaisigns.model.vgg import NetworkSettings

    with bars() as bar:
        training = bar("training")

        def progress(now: Progress) -> None:
            note = f"epoch {now.epoch}, loss {now.loss:.3f}, accuracy {now.accuracy:.2%}"
            training(now.step, now.steps, note)

        card = train_model(
            or_rendered(root, bar),
            out,
            NetworkSettings(architecture=architecture, head=head, input_size=input_size),
            TrainingSettings(epochs=epochs, seed=seed),
            manipulation=None if sticker_class is None else Manipulation(sticker_class),
            drawn_per_class=drawn,
            validation=validation,
            resume=resume,
            decoding=bar("decoding"),
            progress=progress,
        )
    if json:
        print_json({"model": str(out), **{key: card[key] for key in ("training", "manipulation", "data", "metrics")}})
    else:
        metrics = card["metrics"]
        held_out = metrics["validation_accuracy"]
        told = f", validation accuracy {percent(held_out)}" if held_out != "" else ""
        typer.echo(f"{out}: loss {metrics['loss']:.3f}, training accuracy {percent(metrics['accuracy'])}{told}")
