"""What stands over a heatmap: what the model called the image, and what it was asked."""

import textwrap
from collections.abc import Iterable

from matplotlib.figure import SubFigure
from torch import nn

from xaisigns.attribution.methods import is_control
from xaisigns.attribution.result import Result
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.base.printable import printable
from xaisigns.base.texts import Texts
from xaisigns.data.classes import unnamed_class
from xaisigns.model.explainable import Explainable, is_explainable
from xaisigns.pictures.whereabouts import whereabouts

_LONGEST_NAME = 60  # letters of a class's name
_LONGEST_MODEL = 28
_LINES = (120, 104, 92, 76, 60, 44, 28)  # letters of a heading's line: fewer where they are wide
_FILLED = 0.96  # of the width, by a heading at most
_TEXTS = Texts("pictures")


def heading(model: nn.Module | Explainable, result: Result, index: int, language: Language, by: str = "") -> str:
    """What the image was classified as, ``by`` which of several models, and where lies what speaks for what was asked.

    ``by`` is what ``model_names`` gives.
    """
    called = int(result.predicted[index])
    share = percent(float(result.probabilities[index, called]), language)
    key = "called_by" if by else "called"
    told = _TEXTS(key, language, model=by, name=class_name(model, called, language), share=share)
    if is_control(result.method):
        where = _TEXTS("control_told", language)
    else:
        asked = _asked(model, result, index, language)
        where = whereabouts(result.heatmap[index].float().numpy(force=True), asked, language)
    passing = [
        _TEXTS("passing", language, layer=printable(layer), channels=", ".join(map(str, numbers)))
        for layer, numbers in result.channels.items()
    ]
    return "\n".join([f"{told}. {where}.", *passing])


def _asked(model: nn.Module | Explainable, result: Result, index: int, language: Language) -> str:
    """What was asked about, as ``whereabouts`` takes it."""
    target = int(result.target[index])
    name = class_name(model, target, language)
    if isinstance(result.against, str):
        return _TEXTS("asked_rest", language, name=name)
    if result.against is not None:
        other = class_name(model, int(result.against[index]), language)
        return _TEXTS("asked_rather", language, name=name, other=other)
    return _TEXTS("asked_it" if target == int(result.predicted[index]) else "asked_class", language, name=name)


def write_heading(row: SubFigure, heading: str) -> None:
    """The heading over a row, each sentence in as many lines as its width wants."""
    title = row.suptitle("", fontsize=10, parse_math=False)
    for letters in _LINES:
        title.set_text("\n".join(line for text in heading.split("\n") for line in textwrap.wrap(text, letters)))
        if title.get_window_extent().width < _FILLED * row.bbox.width:
            return


def class_name(model: nn.Module | Explainable, class_id: int, language: Language) -> str:
    """What a picture calls a class: its name in one line of bounded length, its number where the model has no names."""
    if is_explainable(model):
        name = printable(model.class_name(class_id, language))
        return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return unnamed_class(class_id, language)


def model_names(names: Iterable[str]) -> dict[str, str]:
    """What a picture calls each of several models: its name in one line, without the middle of one that is long.

    All are cut at the same place, that nearest to the middle which tells them apart. Where none does, each has its
    number at the end.
    """
    lines = {name: " ".join(printable(name).split()) for name in names}
    middle = _LONGEST_MODEL // 2 - 1
    for begin in sorted(range(_LONGEST_MODEL), key=lambda begin: (abs(begin - middle), -begin)):
        short = {name: _without_middle(line, begin, _LONGEST_MODEL) for name, line in lines.items()}
        if len(set(short.values())) == len(short):
            return short
    ends = {name: f" ({place})" for place, name in enumerate(lines, start=1)}
    return {
        name: _without_middle(line, middle - len(ends[name]) // 2, _LONGEST_MODEL - len(ends[name])) + ends[name]
        for name, line in lines.items()
    }


def _without_middle(text: str, begin: int, longest: int) -> str:
    """The first ``begin`` letters and as many of the last as go into ``longest``, if not all do."""
    end = longest - begin - 1
    return text if len(text) <= longest else f"{text[:begin]}…{text[len(text) - end :]}"
