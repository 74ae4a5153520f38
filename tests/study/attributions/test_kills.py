"""A run that kill -9 ends, at random moments or at a file that it writes, loses nothing and does nothing twice."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# Imports everything once; then each run is a fork of this process, in which torch has computed nothing yet.
RUNS = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
sys.path[:0] = [{root!r}]
import pytest, torch, zarr, zarr.codecs
import xaisigns as xs
from tests.conftest import narrow_networks
from tests.study.attributions.conftest import make_small
from xaisigns.study.attributions.explaining import BatchExplainer

model, data, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
torch.set_num_threads(1)

def run(store, log, killed_at=None):
    # In a fork: writes the store; logs each batch; ends itself by kill -9 before or after it renames the n-th file.
    renamed, replace, explain = 0, Path.replace, BatchExplainer.explain
    def counted(path, target):
        nonlocal renamed
        renamed += 1
        if killed_at == (renamed, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(path, target)
        if killed_at == (renamed, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
    def logged(self, batch, layout):
        found = explain(self, batch, layout)
        with open(log, "a") as file:
            file.write(f"{{batch.places.start}}\\n")
        return found
    with narrow_networks(), pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        patch.setattr(Path, "replace", counted)
        patch.setattr(BatchExplainer, "explain", logged)
        xs.write_store(model, xs.open_images(data, "test"), "lrp,edges", out=store, layers=["features.8"])

def forked(*arguments):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        run(*arguments)
        code = 0
    finally:
        os._exit(code)

def finished(store, log):
    _, status = os.waitpid(forked(store, log), 0)
    assert status == 0, status

def files_of(store):
    return {{str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}}

start = time.monotonic()
finished(out / "whole", out / "log")
seconds, whole = time.monotonic() - start, files_of(out / "whole")
{more}
"""
RANDOM = """
drawn, kills, stores = random.Random(0), 0, 0
while kills < {kills}:
    store, log = out / f"store-{{stores}}", out / f"log-{{stores}}"
    child = forked(store, log)
    time.sleep(drawn.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    kills += os.WIFSIGNALED(status)
    if not os.WIFSIGNALED(status) or kills == {kills} or drawn.random() < 0.2:
        finished(store, log)
        assert files_of(store) == whole
        stores += 1
print(json.dumps({{"kills": kills, "stores": stores, "left": [path.name for path in out.iterdir()]}}))
"""
AT_EACH_FILE = """
moments = 0
for moment in ("before", "after"):
    number, ended_itself = {first}, False
    while not ended_itself:
        store, log = out / f"{{moment}}-{{number}}", out / f"log-{{moment}}-{{number}}"
        _, status = os.waitpid(forked(store, log, (number, moment)), 0)
        ended_itself = not os.WIFSIGNALED(status)
        before = log.read_text().split() if log.exists() else []
        done = xs.open_store(store).explained if store.exists() else []
        finished(store, log)
        assert files_of(store) == whole
        after = log.read_text().split()[len(before):]
        # What was there is not done again, all else is.
        assert sorted(map(int, after)) == [start for start in range(0, 12, 2) if not len(done) or not done[start]]
        moments += 1
        number += {step}
print(json.dumps({{"moments": moments, "files": number}}))
"""


@pytest.fixture
def runs(narrow, untrained, gtsrb, tmp_path):
    """Runs a program after RUNS, and gives the document that it prints."""

    def call(more, **settings):
        program = RUNS.format(root=str(REPOSITORY), more=more.format(**settings))
        (tmp_path / "out").mkdir()
        command = [sys.executable, "-c", program, untrained, gtsrb, tmp_path / "out"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_twenty_random_kills_leave_the_store_of_a_run_that_was_never_killed(runs):
    told = runs(RANDOM, kills=20)
    assert told["kills"] == 20
    assert told["stores"] >= 1
    assert not [name for name in told["left"] if not name.startswith(("store-", "log", "whole", ".xaisigns-"))]


def test_a_kill_at_any_file_neither_loses_nor_repeats_a_finished_part(runs):
    told = runs(AT_EACH_FILE, first=1, step=17)
    assert told["moments"] >= 4
