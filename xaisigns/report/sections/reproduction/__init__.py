"""What it takes to make the report again."""

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from xaisigns.base.dates import duration
from xaisigns.data.image_set import fingerprint
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import WORDS, Section

if TYPE_CHECKING:
    from xaisigns.report.collection import Source

_VERSIONS = ("xaisigns", "torch", "captum", "numpy", "pillow")


@dataclass(frozen=True)
class Reproduction(Section):
    """Command, seed, versions, fingerprints and processor; ``seconds`` is the time that the report took.

    There is no command where the report was made in Python of things that have no name.
    """

    order = 70

    command: str | None
    seed: int
    versions: Mapping[str, str]
    fingerprints: Mapping[str, str]
    processor: str
    seconds: float

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """What was asked for and computed with, and how long the sections before it took."""
        language, study = source.language, source.study
        return cls(
            source.wanted.command,
            source.wanted.seed,
            {"Python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
            {WORDS("model", language): study.cache.weights, WORDS("data", language): fingerprint(study.data.samples)},
            _processor(),
            time.monotonic() - source.start,
        )

    def tell(self, report: Report) -> dict[str, Any]:
        """The command, and pairs of name and value."""
        words = self.texts.all(report.language)
        return {
            "command": None if self.command is None else plain(self.command),
            "facts": [
                [words["seed"], str(self.seed)],
                [words["processor"], plain(self.processor)],
                [words["seconds"], duration(self.seconds)],
            ],
            "versions": _pairs(self.versions),
            "fingerprints": _pairs(self.fingerprints),
        }


def _pairs(mapping: Mapping[str, str]) -> list[list[str]]:
    return [[plain(key), plain(value)] for key, value in mapping.items()]


def _processor() -> str:
    """Its name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({len(names)})" if names else platform.processor() or platform.machine()
