"""The 43 classes of the German Traffic Sign Recognition Benchmark, and what classes are called in a language."""

from collections.abc import Iterator, Mapping, Sequence

from xaisigns.base.bounds import shown, whole
from xaisigns.base.language import Language, languages
from xaisigns.base.texts import Texts
from xaisigns.errors import DataError

CLASSES = range(43)  # in GTSRB's own order
_TEXTS = Texts("classes")


class _ClassNames(Mapping[Language, list[str]]):
    """Looked up when asked for: importing this module reads no catalogue."""

    def __getitem__(self, language: Language) -> list[str]:
        if language not in languages():
            raise KeyError(language)
        return [_TEXTS(str(class_id), language) for class_id in CLASSES]

    def __iter__(self) -> Iterator[Language]:
        return iter(languages())

    def __len__(self) -> int:
        return len(languages())


CLASS_NAMES: Mapping[Language, list[str]] = _ClassNames()
"""GTSRB's names of its classes in every language; the German ones are those of the road traffic act (StVO)."""


def names_in(names: Mapping[Language, Sequence[str]], language: Language) -> Sequence[str]:
    """Names of classes, given by language, in one that they may lack: GTSRB's are known in every language.

    All others keep the names they have. Empty where there are none.
    """
    if language in names:
        return names[language]
    if any(list(known) == CLASS_NAMES.get(code) for code, known in names.items()):
        return CLASS_NAMES[language]
    return next(iter(names.values()), ())


def unnamed_class(class_id: int, language: Language) -> str:
    """What people read of a class without a name: its number."""
    return _TEXTS("unnamed", language, class_id=class_id)


def check_class(class_id: int) -> None:
    """Raise DataError for a class that GTSRB does not have."""
    if whole(class_id, 0, len(CLASSES) - 1) is None:
        raise DataError(f"class {shown(class_id)} does not exist; GTSRB's classes are 0 to {len(CLASSES) - 1}")
