"""What models beside each other are called: short, and each by a name of its own."""

from collections.abc import Sequence
from pathlib import Path

import typer

from xaisigns.model.checkpoint import BUNDLED


def told_apart(models: Sequence[str]) -> list[str]:
    """A name for each: that of a model that comes with the package, or as little of a file's path as no other has.

    Raises BadParameter for a model that comes twice.
    """
    names = [_names(model) for model in models]
    for place, own in enumerate(names):
        if own in names[:place]:
            raise typer.BadParameter(
                f"{models[place]} is there twice; give another model to show beside it", param_hint="--model"
            )
    return [_shortest(own, names[:place] + names[place + 1 :]) for place, own in enumerate(names)]


def _names(model: str) -> list[str]:
    """From the shortest to the longest: stem, name, and the stem with more and more of its folders."""
    if model in BUNDLED:
        return [model]
    path = Path(model).absolute()
    *folders, last = path.parts
    return [path.stem, last, *("/".join([*folders[-count:], path.stem]) for count in range(1, len(folders))), str(path)]


def _shortest(names: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    taken = {other for longer in others for other in longer}
    return next((name for name in names if name not in taken), names[-1])
