"""A thousand explanations in one process take no more memory, files and threads than a few hundred."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from tests.conftest import CLASSES, REPOSITORY
from xaisigns.data.drawn.sign import draw_sign

WARM, ALL, PICTURES = 500, 1000, 50  # after every so many one is written as a picture
PROGRAM = """
import gc, itertools, json, os, sys
from pathlib import Path
import xaisigns as xs
from tests.conftest import narrow_networks
from xaisigns.pictures.explanation import Explaining, explain_files

def taken():
    gc.collect()
    memory = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return memory, len(gc.get_objects()), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

folder, path, warm, all_, pictures = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
signs = sorted(Path(folder).glob("*.png"))
methods = itertools.cycle(["lrp", "saliency", "gradcam", "input_x_gradient"])
before = None
with narrow_networks():
    model = xs.load_model(path)
    for number, sign, method in zip(range(all_), itertools.cycle(signs), methods):
        if number == warm:
            before = taken()
        xs.attribute(model, model.preprocess([sign]), method=method)
        if number % pictures == 0:
            explain_files(model, [sign], Path(folder, "out"), Explaining())
print(json.dumps([before, taken()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.usefixtures("narrow")
def test_memory_files_and_threads_stay_as_they_are(untrained, tmp_path):
    for class_id in CLASSES:
        draw_sign(class_id, 48, 1).image.save(tmp_path / f"{class_id}.png")
    arguments = map(str, (tmp_path, untrained, WARM, ALL, PICTURES))
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (memory, objects, *others), (memory_after, objects_after, *others_after) = json.loads(done.stdout)
    assert others_after == others
    assert objects_after - objects < ALL - WARM
    network = sum(value.nbytes for value in load_file(untrained).values()) / 1000
    assert memory_after - memory < (ALL - WARM) * network  # kB: less than to keep a network each
