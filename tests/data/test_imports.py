"""To list, draw, sticker and fetch images takes no torch, and to list them neither Pillow nor numpy."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("inventory", "torch numpy PIL pydantic"),
        ("layouts", "torch numpy PIL pydantic"),
        ("manipulation", "torch pydantic"),
        ("drawn.sign_set", "torch pydantic"),
        ("drawn.examples", "torch pydantic"),
        ("download", "torch numpy PIL pydantic"),
        ("manifests", "torch"),
        ("decoded", "torch pydantic"),
    ],
)
def test_what_takes_long_to_import_is_left_alone(module, heavy):
    code = f"import sys, xaisigns.data.{module}; sys.exit(' '.join({set(heavy.split())} & set(sys.modules)) or 0)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
