"""Completion in the shell, set up as the README says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# What bash does when one presses the tab key behind these words.
PRESS = """
press() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
  _xaisigns_completion xaisigns
  echo "${COMPREPLY[*]}"
}
press xaisigns ex
press xaisigns data i
press xaisigns explain --tar
press xaisigns explain --device c
"""


@pytest.fixture
def bash(tmp_path):
    """Runs a script in a home that has nothing in it, and gives what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}

    def call(script):
        return subprocess.run(
            ["bash", "-euc", script], env=environment, capture_output=True, text=True, check=True
        ).stdout

    return call


def test_bash_completes_commands_options_and_choices_once_it_is_told(bash, tmp_path):
    told = bash("xaisigns --install-completion\ntrue")
    assert "bash completion installed" in told
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [".bashrc"]
    pressed = bash(f"source ~/.bashrc\ncomplete -p xaisigns\n{PRESS}").splitlines()
    assert pressed[0].endswith("-F _xaisigns_completion xaisigns")
    assert pressed[1:] == ["explain export", "info", "--target", "cpu cuda"]


def test_what_it_would_add_can_be_looked_at(bash, tmp_path):
    assert "complete -o default -F _xaisigns_completion xaisigns" in bash("xaisigns --show-completion\ntrue")
    assert list(tmp_path.iterdir()) == []
