"""The documentation site: `sphinx-build -W --keep-going -n -c docs . site` in the repository's root makes it.

The source folder is the root, so that links between pages are the same here and on GitHub; those to other files
point at the repository. Two lists are put into their pages on the way: the public names, and what --help prints.
"""

import re
import shutil
import tomllib
from pathlib import Path
from types import ModuleType

import click
import typer
from sphinx.application import Sphinx
from typer.testing import CliRunner

import xaisigns
from xaisigns.cli.application import app as commands

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Homepage"]

project = "xaisigns"
author = PROJECT["authors"][0]["name"]
release = version = PROJECT["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**.md", "weights/README.md"]
exclude_patterns = [".*", "site"]
suppress_warnings = ["myst.header"]  # pages that are included below a heading of this site

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 90
toc_object_entries = False
python_use_unqualified_type_names = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of other packages, whose sites are in the network

html_theme = "furo"
html_show_copyright = False
html_title = f"xaisigns {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": ""}

CONTENTS = """
```{toctree}
:hidden:
:caption: Reading heatmaps

docs/lesson
docs/explain
docs/lrp
docs/methods
docs/metrics
docs/scores
docs/audit
docs/repair
docs/report
docs/live
docs/scale
```

```{toctree}
:hidden:
:caption: Data and models

docs/train
docs/own
docs/networks
docs/drawn
weights/README
```

```{toctree}
:hidden:
:caption: Extending
:glob:

docs/extend/*
```

```{toctree}
:hidden:
:caption: Reference

docs/commands
docs/container
docs/reference
docs/json
```

```{toctree}
:hidden:
:caption: The project

CHANGELOG
CONTRIBUTING
SECURITY
```
"""


def public_names() -> str:
    """A section for each public name, from its docstring."""
    return "\n".join(
        f"## {name}\n\n```{{eval-rst}}\n{_directive(name)}\n```\n" for name in sorted(xaisigns.__all__, key=str.lower)
    )


def _directive(name: str) -> str:
    thing = getattr(xaisigns, name)
    if isinstance(thing, str):
        return f".. autodata:: xaisigns.{name}\n   :no-value:"
    if isinstance(thing, ModuleType):
        return f".. automodule:: xaisigns.{name}\n   :members:\n   :imported-members:"
    if isinstance(thing, type):
        return f".. autoclass:: xaisigns.{name}\n   :members:"
    return f".. autofunction:: xaisigns.{name}"


def command_help() -> str:
    """A section for each command, with what its --help prints."""
    return "\n".join(_help(typer.main.get_command(commands), ()))


def _help(command, words):
    children = getattr(command, "commands", {})
    if words and not children:
        told = CliRunner().invoke(commands, [*words, "--help"], prog_name="xaisigns", env={"COLUMNS": "90"})
        yield f"## {' '.join(words)}\n\n```text\n{click.unstyle(told.output).strip()}\n```\n"
    for name, child in sorted(children.items()):
        yield from _help(child, (*words, name))


GENERATED = {"<!-- public names -->": public_names, "<!-- commands -->": command_help}
LINK = re.compile(r"(\]\()([^)\s:#]+)(\)|#)")


def complete(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the generated lists into their pages, and point links to other files at the repository."""
    for marker, made in GENERATED.items():
        before, found, _ = source[0].partition(marker)  # behind it stands what GitHub shows instead
        if found:
            source[0] = before + made()
    folder = (ROOT / page).parent

    def address(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        path = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if not target.exists() or path.removesuffix(".md") in app.env.found_docs or target.suffix in (".png", ".webp"):
            return link[0]
        return f"{link[1]}{REPOSITORY}/{'tree' if target.is_dir() else 'blob'}/main/{path}{link[3]}"

    source[0] = LINK.sub(address, source[0])
    if page == root_doc:
        source[0] += CONTENTS


def lead_in(app: Sphinx, error: Exception | None) -> None:
    """Serve the start page by the site's own address, too."""
    if not error:
        shutil.copy(Path(app.outdir) / f"{root_doc}.html", Path(app.outdir) / "index.html")


def setup(app: Sphinx) -> None:
    """Connect the two to the build."""
    app.connect("source-read", complete)
    app.connect("build-finished", lead_in)
