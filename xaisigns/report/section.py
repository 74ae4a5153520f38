"""What a section of a report is, and which there are: a folder each in ``sections/``, and those of plugins."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Self

from xaisigns.base.language import Language, missing_texts
from xaisigns.base.plugins import Registry
from xaisigns.base.texts import Texts
from xaisigns.errors import PluginError
from xaisigns.report import sections as folders
from xaisigns.report.tiles import Grid

if TYPE_CHECKING:
    from xaisigns.report.collection import Source
    from xaisigns.report.report import Report

WORDS = Texts("report", "xaisigns.report")  # what several sections say, and what stands around them
_FRAGMENTS = ("section.typ", "section.html.j2")


class Section:
    """One section of a report: plain data that it collects, and how it tells them.

    A section is a frozen dataclass in the ``__init__.py`` of a folder. Beside it lie what shows it in the PDF and in
    HTML (``section.typ``, ``section.html.j2``, where wanted ``section.css`` and ``section.js``) and its texts by
    language (``en.toml``, ``de.toml``), among them its ``heading``.
    """

    order: ClassVar[int]  # sections stand in the order of these numbers
    level: ClassVar[int] = 1  # 1 begins a chapter, 2 goes on with the chapter before, 0 has no heading
    package: ClassVar[str]
    name: ClassVar[str]
    texts: ClassVar[Texts]

    def __init_subclass__(cls) -> None:
        cls.package = cls.__module__
        cls.name = cls.package.rpartition(".")[2]
        cls.texts = Texts(f"report.{cls.name}", cls.package)

    @classmethod
    def collect(cls, source: "Source") -> Self | None:
        """The section of what is reported on; None where it has nothing to tell."""
        raise NotImplementedError

    def tell(self, report: "Report") -> dict[str, Any]:
        """All that the fragments print, as JSON has it: text in the report's language, bars from 0 to 1."""
        raise NotImplementedError

    def check(self, report: "Report") -> None:
        """Raises ShapeError when the section does not belong to the report."""

    def columns(self) -> set[str]:
        """Keys of the methods of which it shows heatmaps beside each other."""
        return set()

    def entries(self, report: "Report") -> Sequence[Mapping[str, Any]]:
        """What HTML's navigation lists instead of the heading: ``id`` of a section of its own, ``number``, ``name``."""
        return ()

    def grids(self, report: "Report") -> Iterator[tuple[str, Grid]]:
        """Its pictures by name, unlike those of other sections."""
        yield from ()

    def charts(self, told: Mapping[str, Any], language: Language) -> dict[str, bytes]:
        """The PDF's charts by name, as SVG, of what it tells."""
        return {}

    def words(self, language: Language) -> dict[str, str]:
        """The texts that its fragments may print: its own, and those that all share."""
        return {**WORDS.all(language), **self.texts.all(language)}

    @classmethod
    def heading(cls, language: Language) -> str | None:
        """What stands above it, in the PDF's outline and in HTML's navigation."""
        return cls.texts("heading", language) if cls.level else None

    @classmethod
    def part(cls, file: str) -> str:
        """A file of its folder; empty where there is none."""
        found = files(cls.package) / file
        return found.read_text(encoding="utf-8") if found.is_file() else ""


_registered: Registry[type[Section]] = Registry("section", PluginError)


def register_section(section: type[Section]) -> None:
    """Add a section that lies in a package of one's own; its name is that of its folder.

    Raises PluginError for one whose name is taken, or that lacks its order or a fragment.
    """
    _check(section)
    if section.name in _built_in():
        raise PluginError(f"there is a section {section.name!r} already; choose another name")
    _registered.register(section.name, section)


def sections() -> list[type[Section]]:
    """All sections in their order. Raises PluginError for one that lacks something."""
    return sorted([*_built_in().values(), *_registered.values()], key=lambda section: (section.order, section.name))


def refuse_missing_texts(language: Language) -> None:
    """Raises LanguageError for a language in which a report would lack texts, naming all of them."""
    rooms = [WORDS, *(section.texts for section in sections())]
    missing = [name for texts in rooms for name in texts.missing(language)]
    if missing:
        raise missing_texts(language, missing)


def _built_in() -> dict[str, type[Section]]:
    return {
        folder.name: _section_in(f"{folders.__name__}.{folder.name}")
        for folder in pkgutil.iter_modules(folders.__path__)
        if folder.ispkg
    }


def _section_in(package: str) -> type[Section]:
    here = vars(importlib.import_module(package)).values()
    found = [one for one in here if isinstance(one, type) and issubclass(one, Section) and one.__module__ == package]
    if len(found) != 1:
        raise PluginError(f"{package} wants one subclass of Section in its __init__.py, got {len(found)}")
    _check(found[0])
    return found[0]


def _check(section: type[Section]) -> None:
    if not isinstance(getattr(section, "order", None), int):
        raise PluginError(f"the section {section.name!r} has no order; give it a number such as order = 35")
    for file in _FRAGMENTS:
        if not section.part(file):
            raise PluginError(
                f"the section {section.name!r} has no {file}; put one into the folder of {section.package}"
            )
