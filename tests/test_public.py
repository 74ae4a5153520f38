"""The public names, and that asking for help does not wait for torch."""

import subprocess
import sys

import pytest

import xaisigns as xs


def test_every_public_name_is_there():
    assert [name for name in xs.__all__ if not callable(getattr(xs, name))] == []
    assert set(xs.__all__) <= set(dir(xs))
    assert sorted(name for names in xs._HOMES.values() for name in names) == sorted(xs.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'xaisigns' has no attribute 'explain'"):
        _ = xs.explain


def test_help_does_not_import_torch():
    code = "import sys, xaisigns.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
