"""The package run as a module is the command line."""

import subprocess
import sys

import pytest

import xaisigns as xs


@pytest.mark.parametrize(
    ("arguments", "code", "printed"), [(["--version"], 0, f"xaisigns {xs.__version__}\n"), (["frobnicate"], 2, "")]
)
def test_the_package_run_as_a_module_is_the_command_line(arguments, code, printed):
    done = subprocess.run([sys.executable, "-m", "xaisigns", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, printed)
    assert ("Usage: xaisigns [OPTIONS]" in done.stderr) == (code == 2)
