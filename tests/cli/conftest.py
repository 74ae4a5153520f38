"""Runs the command line in this process, as its entry point does."""

import sys

import pytest

from xaisigns.cli import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Gives exit code, stdout and stderr of ``xaisigns`` with these arguments."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["xaisigns", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return stopped.value.code or 0, printed.out, printed.err

    return call
