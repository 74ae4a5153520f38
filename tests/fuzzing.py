"""What is damaged at random: how much of it, from which seed, and what one damaged file may take.

XAISIGNS_FUZZ=5 damages five times as many as the check does, and XAISIGNS_FUZZ_SEED=1 others: the nightly workflow.
"""

import contextlib
import faulthandler
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

TIMES = int(os.environ.get("XAISIGNS_FUZZ", "1"))
SEED = os.environ.get("XAISIGNS_FUZZ_SEED", "0")
LONGEST = 20  # seconds
LARGEST = 1_000_000  # kB
_MEMORY, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def outcomes(count: int, what: str, outcome: Callable[[random.Random], Hashable]) -> Counter[Hashable]:
    """What comes of ``count`` damaged things, times XAISIGNS_FUZZ, each drawn from a generator of its own.

    One that takes longer than 20 s ends the process, however deep in a library it hangs (``pytest -s`` shows where).
    One that takes more than 1 GB of memory fails, as does whatever ``outcome`` raises, with the seed.
    """
    counts: Counter[Hashable] = Counter()
    with contextlib.suppress(OSError):
        _FORGET.write_text("5")  # the peak of what ran before
    for number in range(count * TIMES):
        seed = f"{what} {SEED} {number}"
        try:
            with _bounded(seed):
                counts[outcome(random.Random(seed))] += 1
        except BaseException as error:
            error.add_note(f"drawn from the seed {seed!r}")
            raise
    print(what, dict(counts))
    return counts


@contextlib.contextmanager
def _bounded(seed: str) -> Iterator[None]:
    before = _peak()
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert _peak() - before < LARGEST, f"{seed} takes {_peak() - before} kB"


def _peak() -> int:
    """The most memory that this process has had, in kB; 0 where the system does not tell."""
    if not _MEMORY.exists():
        return 0
    return next(int(line.split()[1]) for line in _MEMORY.read_text().splitlines() if line.startswith("VmHWM"))
