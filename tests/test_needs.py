"""What a missing need does to a test, and what the end of a run says of it."""

import pytest

from tests import needs

pytest_plugins = ["pytester"]
ALONE = ("-p", "no:cacheprovider", "-p", "no:slipcover")  # whose files are of the run that this one is in

A_TEST_OF_EACH_KIND = """
import sys
import pytest
from tests.needs import need

@pytest.fixture
def thing():
    need("thing")

@pytest.mark.needs("thing")
def test_marked(): pass

def test_by_a_fixture(thing): pass

@pytest.mark.skipif(True, reason="another system")
def test_elsewhere(): pass

@pytest.mark.needs("air")
def test_with_what_is_there(): pass
"""


@pytest.fixture
def ran(pytester, monkeypatch):
    """Runs the tests where air is there and a thing is not, with this in XAISIGNS_REQUIRE."""
    monkeypatch.setattr(needs, "NEEDS", {"thing": (lambda: False, "a thing"), "air": (lambda: True, "air")})
    pytester.makepyfile(A_TEST_OF_EACH_KIND)

    def run(required):
        monkeypatch.setenv(needs.REQUIRED, required)
        return pytester.runpytest_inprocess(*ALONE, "--strict-markers", plugins=[needs])

    return run


@pytest.mark.parametrize("required", ["", "air", " air ,"])
def test_what_is_missing_is_skipped_counted_and_named(required, ran):
    result = ran(required)
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["*= 3 skipped =*", "   2  needs thing: a thing", "   1  another system"])


def test_what_is_required_and_missing_fails(ran):
    result = ran("air,thing")
    result.assert_outcomes(passed=1, skipped=1, errors=2)
    result.stdout.fnmatch_lines(["*XAISIGNS_REQUIRE names thing, and it is missing: a thing"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_need_that_nothing_has_is_a_wrong_usage(ran):
    result = ran("air,thnig")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*XAISIGNS_REQUIRE must name some of thing, air, got thnig"])


def test_without_skipped_tests_nothing_is_said(pytester):
    pytester.makepyfile("def test(): pass")
    result = pytester.runpytest_inprocess(*ALONE, plugins=[needs])
    result.stdout.no_fnmatch_line("*= * skipped =*")
