"""What models beside each other are called: short, and each by a name of its own."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from xaisigns.model.checkpoint import BUNDLED, bundled_weights


def told_apart(models: Sequence[str]) -> list[str]:
    """A name for each: that of a model that comes with the package, or as little of a file's path as no other has.

    Raises BadParameter for a model that comes twice, be it by two paths.
    """
    seen: dict[str, str] = {}
    for model in models:
        file = _file(model)
        if file in seen:
            told = "" if seen[file] == model else f", before it as {seen[file]}"
            raise typer.BadParameter(
                f"{model} is there twice{told}; give another model to show beside it", param_hint="--model"
            )
        seen[file] = model
    names = [_names(model) for model in models]
    return [_shortest(own, names[:place] + names[place + 1 :]) for place, own in enumerate(names)]


def _file(model: str) -> str:
    """Where the model's file really is."""
    return os.path.realpath(bundled_weights(model) if model in BUNDLED else model)


def _names(model: str) -> list[str]:
    """From the shortest to the longest: stem, name, and the stem with more and more of its folders."""
    if model in BUNDLED:
        return [model]
    path = Path(model).absolute()
    *folders, last = path.parts
    return [path.stem, last, *("/".join([*folders[-count:], path.stem]) for count in range(1, len(folders))), str(path)]


def _shortest(names: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    taken = {other for longer in others for other in longer}
    return next((name for name in names if name.strip() and name not in taken), names[-1])
