"""The examples with which the help of every command ends: two, that work."""

import shlex

import click
import pytest
from typer.main import get_command

from tests.documents.pages import PAGES, command_lines
from xaisigns.cli.application import app
from xaisigns.cli.examples import EXAMPLES


def _tree(command, *words):
    """Every command and group by the words that name it."""
    yield " ".join(words), command
    for name, child in getattr(command, "commands", {}).items():
        yield from _tree(child, *words, name)


TREE = dict(_tree(get_command(app)))
PAIRS = [(words, example) for words, two in EXAMPLES.items() for example in two]


def _parse(arguments):
    """Read arguments as the command line does, and run nothing. Raises the errors of wrong usage."""
    command, words = TREE[""], list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("xaisigns", words)


def test_every_command_and_group_has_two_and_no_other_has():
    assert list(EXAMPLES) == list(TREE)  # in the order in which --help lists them
    assert all(len(set(two)) == 2 for two in EXAMPLES.values())


@pytest.mark.parametrize(("words", "example"), PAIRS)
def test_an_example_is_of_its_command_and_the_command_line_reads_it(words, example):
    program, *arguments = shlex.split(example)
    assert [program, *arguments][: len(words.split()) + 1] == ["xaisigns", *words.split()]
    _parse(arguments)


def test_what_the_command_line_does_not_read_would_be_noticed():
    for wrong in (["explain", "--no-such"], ["data", "download"], ["tune", "--masks", "other"], ["train"]):
        with pytest.raises(Exception, match=r"No such option|Missing|is not one of"):
            _parse(wrong)


def test_the_documents_have_every_example_and_so_it_is_run():
    lines = set().union(*map(command_lines, PAGES.values()))
    assert sorted({example for _, example in PAIRS} - lines) == []


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("words", EXAMPLES)
def test_help_ends_with_them_each_on_one_line(words, columns, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    code, printed, _ = run(*words.split(), "--help")
    lines = [line.strip() for line in click.unstyle(printed).splitlines()]
    assert code == 0
    assert [line for line in lines if line][-3:] == ["Examples:", *EXAMPLES[words]]
