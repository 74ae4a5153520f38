"""The two readers of files that come from anywhere, fuzzed by atheris, which looks for bytes that reach new code.

``python -m tests.fuzz_readers images -max_total_time=600`` (or ``models``) takes libFuzzer's options. Whatever is
neither read nor refused by an error of ours, takes longer than 20 s or 1 GB more ends it, with the bytes in a file.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "xaisigns", "zipfile", "safetensors"]):
    from xaisigns.data.preprocessing import rgb
    from xaisigns.errors import XaisignsError
    from xaisigns.model.checkpoint import load_model

from tests.data.test_pictures import WHOLES
from tests.model.test_damage import PREPROCESSING, narrow, write_models

_BOUNDS = ("-timeout=20", "-rss_limit_mb=1800", "-max_len=50000")  # of memory 800 MB are the process's own


def write_images(folder):
    """A small file of each format."""
    for name, whole in WHOLES.items():
        (folder / name).write_bytes(whole)


def read_image(path):
    rgb(path, longest=64, max_pixels=2_000_000)


def read_model(path):
    with contextlib.suppress(XaisignsError):
        load_model(path)
    load_model(path, PREPROCESSING)


READERS = {"images": (write_images, read_image), "models": (write_models, read_model)}


def main(name, *options):
    """Fuzz one of the readers; ends the process."""
    write, read = READERS[name]
    folder = Path(tempfile.mkdtemp())
    (folder / "corpus").mkdir()
    write(folder / "corpus")
    path = folder / "file"

    def one(content):
        path.write_bytes(content)
        with contextlib.suppress(XaisignsError):
            read(path)

    atheris.Setup([sys.argv[0], *_BOUNDS, *options, str(folder / "corpus")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    with narrow():
        main(*sys.argv[1:])
