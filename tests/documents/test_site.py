"""The documentation site, built as CONTRIBUTING says, with every warning an error."""

import html
import re
import subprocess
import sys

import pytest

import xaisigns as xs
from tests.conftest import REPOSITORY
from tests.documents.pages import PAGES
from xaisigns.cli.examples import EXAMPLES

(COMMAND,) = set(
    re.findall(r"^sphinx-build (.*) site$", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", *COMMAND.split(), folder / "html", "-d", folder / "kept"]
    built = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "html"


def page(site, name):
    return (site / f"{name}.html").read_text(encoding="utf-8")


def test_it_has_every_page_and_all_of_them_are_in_its_navigation(site):
    start = page(site, "index")
    for name in [*(name.removesuffix(".md") for name in PAGES), "CHANGELOG", "CONTRIBUTING", "SECURITY"]:
        assert page(site, name)
        assert name == "README" or f'href="{name}.html"' in start


def test_it_has_every_public_name_and_command(site):
    reference, commands = page(site, "docs/reference"), page(site, "docs/commands")
    measures = [f"metrics.{name}" for name in xs.metrics.__all__ if callable(getattr(xs.metrics, name))]
    names = [f"xaisigns.{name}" for name in (*xs.__all__, *measures)]
    assert [name for name in names if not re.search(f'id="(module-)?{re.escape(name)}"', reference)] == []
    assert "Relevance of every input value for the target logit" in reference  # of a method
    for words in ("explain", "data sticker"):
        told = html.unescape(re.sub(r"<[^>]+>", "", commands))
        assert f"Usage: xaisigns {words} [OPTIONS]" in told
        assert all(example in told for example in EXAMPLES[words])


def test_it_leads_to_files_of_the_repository(site):
    assert re.search(r'href="https://github\.com/\S+/blob/main/examples/en/02_lrp\.ipynb"', page(site, "index"))
    assert re.search(r'href="https://github\.com/\S+/tree/main/examples/signs"', page(site, "docs/drawn"))


def test_it_needs_no_network(site):
    for path in site.rglob("*.html"):
        loaded = re.findall(r'(?:src|<link[^>]* href)="(https?:[^"]*)"', path.read_text(encoding="utf-8"))
        assert loaded == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import", path.read_text(encoding="utf-8")), path
