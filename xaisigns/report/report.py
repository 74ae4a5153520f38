"""What a report contains: plain data, the same for PDF and HTML."""

import datetime
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from xaisigns.base.language import Language
from xaisigns.errors import ShapeError
from xaisigns.report.evaluation import Evaluation
from xaisigns.report.page_text import plain
from xaisigns.report.section import WORDS, Section

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Method:
    """A method by its key, and what people read; a control is a method that knows nothing of the model."""

    key: str
    label: str
    control: bool = False

    def told(self) -> dict[str, str | bool]:
        """As sections tell it."""
        return {"key": self.key, "label": plain(self.label), "control": self.control}


@dataclass(frozen=True, eq=False)
class Report:
    """All of a report. Text of the caller (names, labels, finding) is in the report's language, and never markup.

    ``names`` has every class of the evaluation by its id. Raises ShapeError when the parts do not belong together.
    """

    language: Language
    date: datetime.date
    model: str
    data: str
    names: Mapping[int, str]
    methods: tuple[Method, ...]
    evaluation: Evaluation
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        self.refuse_unknown_classes(range(len(self.evaluation.classes)))
        for section in self.sections:
            section.check(self)

    def section(self, kind: type[S]) -> S:
        """The section of a kind that every report has."""
        return next(section for section in self.sections if isinstance(section, kind))

    def columns(self) -> list[Method]:
        """The methods of which any section shows heatmaps."""
        shown = {key for section in self.sections for key in section.columns()}
        return [method for method in self.methods if method.key in shown]

    def title(self) -> str:
        """What the report is called."""
        return f"{WORDS('title', self.language)}: {plain(self.model)}"

    def name(self, class_id: int) -> str:
        """A class's name as a page can hold it."""
        return plain(self.names[class_id])

    def refuse_unknown_classes(self, used: Iterable[int]) -> None:
        """Raises ShapeError for a class that has no name."""
        refuse_unknown("class", used, self.names)

    def refuse_unknown_methods(self, used: Iterable[str]) -> None:
        """Raises ShapeError for a method that is not the report's."""
        refuse_unknown("method", used, [method.key for method in self.methods])


def refuse_unknown(what: str, used: Iterable[object], known: Container[object]) -> None:
    """Raises ShapeError for the first that is used and not known."""
    for one in used:
        if one not in known:
            raise ShapeError(f"{what} {one!r} is used, and the report does not have it")
