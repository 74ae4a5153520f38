"""Warnings of one package are silenced for a while, whatever threads do."""

import threading
import warnings

import pytest

from xaisigns.base.quiet import Quiet


def warn_as(module):
    warnings.warn_explicit("told", UserWarning, "file.py", 1, module=module, registry={})


@pytest.mark.parametrize("module", ["PIL", "PIL.Image"])
def test_the_packages_warnings_are_silent_inside_only(module):
    quiet, before = Quiet("PIL"), list(warnings.filters)
    with quiet:
        warn_as(module)
        with pytest.raises(UserWarning, match="told"):
            warn_as("PILlow")
    assert warnings.filters == before
    with pytest.raises(UserWarning, match="told"):
        warn_as(module)


def test_threads_that_overlap_leave_the_filters_as_they_were():
    quiet, before = Quiet("PIL"), list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with quiet:
            inside.set()
            leave.wait(10)
            warn_as("PIL.Image")

    thread = threading.Thread(target=stay)
    with quiet:
        thread.start()
        assert inside.wait(10)
    leave.set()
    thread.join()
    assert warnings.filters == before


def test_an_error_leaves_the_filters_as_they_were():
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="wrong"), Quiet("PIL"):
        raise ValueError("wrong")
    assert warnings.filters == before
