"""Tests mirror modules: tests/ROOM/test_MODULE.py is there for every xaisigns/ROOM/MODULE.py."""

import ast

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "xaisigns"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
# Those without a test of their own, and why.
EXCEPTIONS = {
    "__init__.py": "hands names on: tests/test_public.py",
    "errors.py": "holds the classes of errors, without code; who raises them tests them",
    "base/version.py": "holds one number, which tests/test_repository.py compares",
    "cli/__init__.py": "holds main(), however it ends: tests/cli/test_ending.py",
    "cli/words.py": "holds one line, which every command says its words by",
    "metrics/__init__.py": "hands names on: tests/test_public.py",
}


def only_told(module):
    """Whether a module holds nothing but its docstring."""
    body = ast.parse((PACKAGE / module).read_text(encoding="utf-8")).body
    return len(body) == 1 and ast.get_docstring(ast.Module(body, [])) is not None


def mirrors(module):
    """Where the test of a module may be: that of a package's own code lies in its folder or, if alone, beside it."""
    path = REPOSITORY / "tests" / module
    if path.name == "__init__.py":
        name = f"test_{path.parent.name}.py"
        return [path.with_name(name), path.parent.with_name(name)]
    return [path.with_name(f"test_{path.name}")]


def has_tests(path):
    return path.is_file() and "\ndef test_" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [module for module in MODULES if not only_told(module)])
def test_a_module_has_its_test_or_is_an_exception(module):
    assert any(map(has_tests, mirrors(module))) != (module in EXCEPTIONS)


def test_every_exception_is_a_module():
    assert set(EXCEPTIONS) <= set(MODULES)


def test_every_room_has_its_tests_in_a_package():
    rooms = {path.parent for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert [room for room in rooms if not (room / "__init__.py").is_file()] == []
