"""Ray's actors on this machine: they write what one process writes, and are killed at no loss."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.conftest import REPOSITORY
from tests.fuzzing import TIMES
from tests.study.attributions.test_writing import files_of
from xaisigns.attribution.method_sets import select_methods
from xaisigns.errors import DataError, OutputError
from xaisigns.study.attributions import cluster
from xaisigns.study.attributions.cluster import Actor, Job
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.layout import is_done, opened

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")

ASKED = {"methods": "lrp,gradcam", "layers": ["features.8"], "responses": True}


@pytest.fixture(scope="module")
def two_processors():
    """A Ray of this machine, which stays for several runs."""
    cluster.ray_library()
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.fixture
def local(model, data, small_shards, tmp_path):
    """The files of the store that one process writes."""
    xs.write_store(model, data, **ASKED, out=tmp_path / "local")
    return files_of(tmp_path / "local")


@pytest.fixture
def job(store, model, data):
    """That which wrote ``store``."""
    wanted = Wanted(select_methods("lrp,gradcam"), ["features.8"])
    return Job(model, data, wanted, store.path, opened(store.path).identity)


def test_two_actors_write_bit_for_bit_what_one_process_writes(two_processors, local, model, data, tmp_path):
    heard = []
    document = xs.write_store(
        model,
        data,
        **ASKED,
        out=tmp_path / "ray",
        engine="ray",
        workers=2,
        progress=lambda *told, **_: heard.append(told),
    )
    assert (document["explained"], document["resumed"]) == (12, 0)
    assert files_of(tmp_path / "ray") == local
    assert [told for told in heard if told[0] == "explaining"] == [("explaining", done, 12) for done in (4, 8, 12)]


def test_it_goes_on_where_one_process_stopped(two_processors, local, model, data, tmp_path):
    (tmp_path / "local/state/c/1").unlink()
    document = xs.write_store(model, data, **ASKED, out=tmp_path / "local", engine="ray")
    assert document["resumed"] == 8
    assert files_of(tmp_path / "local") == local


def test_what_cannot_be_read_is_skipped(two_processors, model, data, small_shards, tmp_path):
    data.samples[5].path.write_text("no image")
    document = xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")
    assert [one["image"] for one in document["skipped"]] == [str(data.samples[5].path)]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_killed_actors_cost_their_part_alone(two_processors, local, model, data, tmp_path):
    """At random moments, each night many more."""
    drawn = np.random.default_rng(0)
    for run in range(TIMES):
        ended, killed = threading.Event(), []
        killer = threading.Thread(target=_kill_actors, args=(drawn, ended, killed))
        killer.start()
        try:
            xs.write_store(model, data, **ASKED, out=tmp_path / f"ray-{run}", engine="ray", workers=2)
        finally:
            ended.set()
            killer.join()
        assert killed
        assert files_of(tmp_path / f"ray-{run}") == local


def _kill_actors(drawn, ended, killed):
    """Kill one of this Ray's actors after the other until ``ended``, but fewer than would end the run."""
    while len(killed) < cluster._TRIES - 1 and not ended.wait(drawn.uniform(0, 0.3)):
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                number = int(place.parent.name)
                if place.read_bytes().startswith(b"ray::MapWorker") and os.getpid() in _parents(number):
                    os.kill(number, signal.SIGKILL)
                    killed.append(place)
                    break
            except OSError:
                continue


def _parents(number):
    while number > 1:
        yield number
        number = int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_part_that_kills_every_actor_ends_the_work(two_processors, model, data, small_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "Actor", Deadly)
    with pytest.raises(
        OutputError, match="4 workers were killed while they explained part 1; was it for want of memory"
    ):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")
    monkeypatch.undo()
    assert xs.write_store(model, data, "edges", out=tmp_path / "store")["explained"] == 12
    assert not list((tmp_path / "store").glob(".*"))


def test_a_call_of_several_parts_does_only_what_was_not_written_when_its_actor_was_killed(
    two_processors, local, model, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "_CALLS", 1)
    monkeypatch.setattr(cluster, "Actor", Mortal)
    heard = []
    xs.write_store(
        model, data, **ASKED, out=tmp_path / "ray", engine="ray", progress=lambda *told, **_: heard.append(told)
    )
    assert files_of(tmp_path / "ray") == local
    assert [told for told in heard if told[0] == "explaining"] == [("explaining", 12, 12)]
    assert (tmp_path / "done").read_text() == "[0, 1, 2][1, 2]"


class Mortal(Actor):
    """Is killed once, when it has written the first part."""

    def _explain(self, shards):
        _, group, layout = self._ready
        missing = [shard for shard in shards if not is_done(self._path, group, layout, shard)]
        with (self._path.parent / "done").open("a") as file:
            file.write(str(missing))
        if len(missing) < len(shards):
            return super()._explain(shards)
        super()._explain(shards[:1])
        os.kill(os.getpid(), signal.SIGKILL)
        return None


class Deadly(Actor):
    def _explain(self, shards):
        if shards[0] == 1:
            (self._path / f"{cluster.MARK}1").write_bytes(b"1" * 4)  # this is the last try
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._explain(shards)


def explained(job, two_processors, shards=(0,)):
    """What an actor answers, which is called without Ray."""
    with mock.patch("xaisigns.study.attributions.cluster.keep_memory"):  # this is the tests' process
        actor = Actor(ray.put(job), 1, job.path)
    return actor({"shards": np.array([shards])})


def test_an_actor_tells_what_is_wrong_as_the_kind_and_the_text_of_an_error(two_processors, job, tmp_path):
    (tmp_path / "empty").mkdir()
    told = explained(replace(job, path=tmp_path / "empty"), two_processors)
    assert told["kind"] == ["DataError"]
    assert "is no store that 'xaisigns attribute' wrote (on " in told["error"][0]


def test_what_nobody_foresaw_is_told_with_its_machine(two_processors, job, monkeypatch):
    (job.path / "state/c/0").unlink()
    monkeypatch.setattr(cluster, "explain_shards", lambda *_: [][0])
    told = explained(job, two_processors)
    assert told["kind"] == ["OutputError"]
    assert told["error"][0].startswith("a worker failed: IndexError: list index out of range (on ")


def test_a_part_that_is_there_is_not_done_again(two_processors, job, monkeypatch):
    asked = []
    monkeypatch.setattr(cluster, "explain_shards", lambda workers, data, layout, shards, *_: asked.extend(shards))
    assert explained(job, two_processors)["images"] == [4]
    (job.path / "state/c/1").unlink()
    assert explained(job, two_processors, (0, 1, 2))["images"] == [12]
    assert asked == [1]


@pytest.mark.parametrize(
    ("key", "message"),
    [("code", "install the same on every machine (on "), ("split", "is another store here; name a folder that every")],
)
def test_a_machine_with_something_else_is_refused(two_processors, job, key, message):
    told = explained(replace(job, identity={**job.identity, key: "another"}), two_processors)
    assert told["kind"] == ["OutputError"]
    assert message in told["error"][0]


def test_a_machine_with_other_images_is_refused(two_processors, job):
    (job.path / "state/c/0").unlink()
    job.data.samples[1].path.write_bytes(job.data.samples[0].path.read_bytes())
    told = explained(job, two_processors)
    assert told["kind"] == ["DataError"]
    assert told["error"][0].startswith(f"{job.data.samples[1].path} is not what it is where the run was started")


def test_an_error_of_an_actor_is_that_of_the_run(two_processors, model, data, small_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "Actor", Refusing)
    with pytest.raises(DataError, match="refused"):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")


class Refusing(Actor):
    def _explain(self, shards):
        raise DataError("refused")


def test_what_is_written_where_nobody_sees_it_is_told(two_processors, model, data, small_shards, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "Actor", Elsewhere)
    with pytest.raises(
        OutputError, match=r"3 of 3 parts that were written cannot be seen in .*: the store must be in a"
    ):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")


class Elsewhere(Actor):
    def _explain(self, shards):
        return 4


@pytest.mark.parametrize(
    ("machines", "workers", "cuda", "shares"),
    [
        ([{"CPU": 2}], None, False, (2, 1)),
        ([{"CPU": 2}], 2, False, (1, 2)),
        ([{"CPU": 16}, {"CPU": 16}], None, False, (16, 2)),
        ([{"CPU": 16}, {"CPU": 16}], 3, False, (8, 3)),  # two on one machine, so that all are alike
        ([{"CPU": 16}, {"CPU": 4}], None, False, (8, 2)),
        ([{"CPU": 16, "GPU": 4}, {"CPU": 8}], None, True, (4, 4)),
    ],
)
def test_actors_share_the_processors_alike(machines, workers, cuda, shares):
    nodes = [{"Alive": True, "Resources": one} for one in machines] + [{"Alive": False, "Resources": {"CPU": 99}}]
    assert cluster._shares(nodes, workers, cuda=cuda) == shares


@pytest.mark.parametrize(
    ("cuda", "message"), [(False, "has 2 processors, and 3 workers are"), (True, "has 0 GPUs, and 3 workers are")]
)
def test_a_cluster_that_is_too_small_is_refused(cuda, message):
    with pytest.raises(OutputError, match=message):
        cluster._shares([{"Alive": True, "Resources": {"CPU": 2}}], 3, cuda=cuda)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "spark"}, "engine must be one of local, ray; got 'spark'"),
        ({"workers": 2}, "are for the engine ray"),
        ({"ray_address": "auto"}, "are for the engine ray"),
        ({"engine": "ray", "workers": 0}, "workers must be a whole number from 1 to"),
    ],
)
def test_other_settings_make_nothing(model, data, tmp_path, options, message):
    with pytest.raises(OutputError, match=message):
        xs.write_store(model, data, "edges", out=tmp_path / "store", **options)
    assert not (tmp_path / "store").exists()


def test_a_model_that_no_worker_can_be_given_is_refused(two_processors, model, data, small_shards, tmp_path):
    model.mine = threading.Lock()
    with pytest.raises(OutputError, match="the model, a method or a metric cannot be handed to workers: cannot pickle"):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")


def test_a_gpu_that_is_not_the_first_is_refused(job):
    second = SimpleNamespace(device=torch.device("cuda", 1))
    with pytest.raises(OutputError, match="gives each worker its GPU as the first one: load the model to device cuda"):
        cluster.explain_on_cluster(replace(job, model=second), [0], lambda _: None, cluster.Cluster())


def test_the_command_starts_a_ray_of_its_own_and_ends_it(narrow, untrained, gtsrb, tmp_path):
    """From a folder of its own, with paths that hold there alone."""
    paths = [os.path.relpath(path, tmp_path) for path in (gtsrb, untrained)]
    command = [sys.executable, "-W", "error", "-c", COMMAND.format(root=str(REPOSITORY)), *paths]
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # a short one, for the names of sockets
        environment = {**os.environ, "RAY_TMPDIR": place}
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        assert list(Path(place).iterdir())
        assert not [line for line in _commands() if place.encode() in line]
    assert json.loads(run.stdout)["explained"] == 12
    assert xs.open_store(tmp_path / "store").finished


COMMAND = """
import sys
sys.path[:0] = [{root!r}]
from tests.conftest import narrow_networks
from xaisigns.cli import main

with narrow_networks():
    gtsrb, model = sys.argv[1:]
    sys.argv[1:] = ["attribute", gtsrb, "--model", model, "--engine", "ray", "--out", "store", "--json"]
    main()
"""


def _commands():
    """What was typed to start each process of this machine."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield place.read_bytes()


def test_an_address_beside_a_connection_is_refused(two_processors, model, data, tmp_path):
    with pytest.raises(OutputError, match="connected to Ray already: leave out the address"):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray", ray_address="auto")


@pytest.mark.parametrize("port", ["9", "99999"])
def test_a_cluster_that_is_not_there_is_told_at_once(model, data, tmp_path, monkeypatch, port):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray waits for minutes"))
    with pytest.raises(OutputError, match=rf"no Ray cluster at '127.0.0.1:{port}': "):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray", ray_address=f"127.0.0.1:{port}")


def test_without_ray_nothing_is_begun(model, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OutputError, match=r"pip install 'xaisigns\[cluster\]'"):
        xs.write_store(model, data, "edges", out=tmp_path / "store", engine="ray")
    assert not (tmp_path / "store").exists()


# One run by Ray, which a kill ends with its cluster.
RUN = """
import sys
sys.path[:0] = [{root!r}]
import pytest
import xaisigns as xs
from tests.conftest import narrow_networks
from tests.study.attributions.conftest import make_small

model, data, out = sys.argv[1:]
with narrow_networks(), pytest.MonkeyPatch.context() as patch:
    make_small(patch)
    xs.write_store(
        model, xs.open_images(data, "test"), "lrp,gradcam", out=out, layers=["features.8"], responses=True,
        engine="ray", workers=2,
    )
"""


@pytest.mark.skipif(TIMES == 1, reason="takes minutes: only where XAISIGNS_FUZZ asks for more")
def test_twenty_random_kills_of_the_run_lose_nothing(local, untrained, gtsrb, tmp_path):
    drawn, kills = np.random.default_rng(0), 0
    command = [sys.executable, "-c", RUN.format(root=str(REPOSITORY)), untrained, gtsrb, tmp_path / "ray"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    while kills < 20:
        shutil.rmtree(tmp_path / "ray", ignore_errors=True)
        ended = False
        while not ended and kills < 20:
            run = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            try:
                ended = run.wait(drawn.uniform(2, 20)) == 0
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                kills += 1
        while not ended:
            ended = subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=False).returncode == 0
        assert files_of(tmp_path / "ray") == local
