"""The bounds on what one damaged file may take."""

import subprocess
import sys

import pytest

from tests import fuzzing
from tests.conftest import REPOSITORY
from tests.fuzzing import outcomes

HANGING = """
from tests import fuzzing
fuzzing.LONGEST = 0.2
fuzzing.outcomes(1, "a loop", lambda drawn: sorted(iter(int, 1)))
"""


def test_outcomes_are_counted_and_drawn_from_their_seed():
    first = outcomes(50, "dice", lambda drawn: drawn.randint(1, 6))
    assert first.total() == 50 * fuzzing.TIMES
    assert first == outcomes(50, "dice", lambda drawn: drawn.randint(1, 6))
    assert first != outcomes(50, "other dice", lambda drawn: drawn.randint(1, 6))


def test_whatever_is_raised_tells_its_seed():
    with pytest.raises(ZeroDivisionError) as caught:
        outcomes(3, "a quotient", lambda _: 1 // 0)
    assert caught.value.__notes__ == [f"drawn from the seed 'a quotient {fuzzing.SEED} 0'"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_too_much_memory_fails(monkeypatch):
    monkeypatch.setattr(fuzzing, "LARGEST", 30_000)
    outcomes(1, "little", lambda _: len(bytes(1_000_000)))
    with pytest.raises(AssertionError, match=r"much .* takes"):
        outcomes(1, "much", lambda _: len(bytearray(b"x") * 200_000_000))


def test_what_hangs_in_a_library_ends_with_the_stacks():
    done = subprocess.run([sys.executable, "-c", HANGING], cwd=REPOSITORY, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in outcomes" in done.stderr
