"""What tests share: a small GTSRB made of drawn signs, and small networks with weights worth explaining."""

import contextlib
import gc
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import nn

from tests.browsers import launched
from tests.catalogues import FOREIGN, forget_languages, speak_foreign
from tests.model import own_network
from tests.needs import (
    UNPACK_IMAGES,
    need,
    pytest_configure,  # noqa: F401 - these three are hooks
    pytest_runtest_setup,  # noqa: F401
    pytest_terminal_summary,  # noqa: F401
)
from tests.pretended import pretending
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.methods import METHODS
from xaisigns.attribution.named_rules import RULES
from xaisigns.base import devices
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.data.layouts import LAYOUTS
from xaisigns.metrics.catalogue import METRICS
from xaisigns.model import vgg
from xaisigns.model.checkpoint import save_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.network_weights import shapes
from xaisigns.model.vgg import VGG, initialise

REPOSITORY = Path(__file__).parent.parent
CLASSES = (2, 4, 9, 14)
OWN_CLASSES = ("#emph[b] $x^2$ {{ 7 * 7 }} [red]", "a<b>$#*[x]", "ünï 日本")  # in the order of their ids
COLUMNS = "Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"

# The name of this process where pytest-xdist runs the tests in several, which share the cores.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER:
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for what the tests start

# How fast a busy machine draws examples is no property of what is tested.
settings.register_profile("xaisigns", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("xaisigns")


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


def pytest_collection_modifyitems(items):
    """The notebooks, which take longest, come first: else one of several processes runs them when the rest are done."""
    items.sort(key=lambda item: "test_notebooks" not in item.nodeid)


def pytest_collection_finish():
    """What is imported by now is no garbage: to look through it again and again takes a tenth of the time."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache, or speaks the user's language."""
    folder = tmp_path_factory.getbasetemp()
    monkeypatch.setenv("XAISIGNS_CACHE", str((folder.parent if WORKER else folder) / "cache"))
    monkeypatch.delenv("XAISIGNS_LANG", raising=False)


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """The code of a language that is made up of English in Cyrillic letters, with numbers of its own: 1_234'5."""
    (tmp_path / "languages").mkdir()
    speak_foreign(monkeypatch, tmp_path / "languages")
    forget_languages()
    yield FOREIGN
    forget_languages()


@pytest.fixture
def registries(monkeypatch):
    """What a test registers is gone after it."""
    for registry in (METHODS, RULES, COMPOSITES, METRICS, LAYOUTS):
        monkeypatch.setattr(registry, "_things", dict(registry._things))


@pytest.fixture(params=["pretended", pytest.param("gpu", marks=pytest.mark.needs("gpu"))])
def elsewhere(request, monkeypatch):
    """A device that is not the CPU and can be chosen by its name: one that computes on the CPU, and a GPU's own."""
    if request.param == "gpu":
        yield torch.device("cuda", 0)
        return
    with pretending() as device:
        monkeypatch.setattr(devices, "_there", lambda: {device.type: 1, "cpu": 1})
        yield device


@pytest.fixture
def only_one(monkeypatch):
    """As torchrun starts a single process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    for name, value in {**given, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def _drawn_gtsrb(tmp_path_factory):
    return draw_gtsrb(tmp_path_factory.mktemp("gtsrb"), CLASSES, tracks=3, frames=2, test=3)


@pytest.fixture
def gtsrb(_drawn_gtsrb, tmp_path):
    """A data set in the official layout: 4 classes, 3 tracks of 2 frames each, 12 test images; the test's to change."""
    return Path(shutil.copytree(_drawn_gtsrb, tmp_path / "gtsrb"))


@pytest.fixture(scope="session")
def _own(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    for class_id, name in enumerate(OWN_CLASSES):
        for split, seeds in (("train", range(4)), ("test", range(10, 12))):
            folder = root / split / name
            folder.mkdir(parents=True)
            for seed in seeds:
                draw_sign(CLASSES[class_id], 32, seed).image.save(folder / f"{seed}.png")
    return root


@pytest.fixture
def own(_own, tmp_path):
    """A folder for each of OWN_CLASSES, with 4 images to train and 2 to test; the test's to change."""
    return Path(shutil.copytree(_own, tmp_path / "own"))


@pytest.fixture(scope="session")
def real_gtsrb(tmp_path_factory):
    """A part of the real data set in the official layout."""
    need("images")
    root = tmp_path_factory.mktemp("real")
    subprocess.run([sys.executable, UNPACK_IMAGES, root, "--per-class", "6"], check=True, capture_output=True)
    return root


@pytest.fixture
def tiny_vgg():
    """A network like VGG with BatchNorm, in float64 and eval mode, for images of 12 pixels and 5 classes."""
    torch.manual_seed(0)
    return settled(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 10),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(10, 5),
        )
    ).double()


def settled(network: nn.Module) -> nn.Module:
    """The network in eval mode, with BatchNorm that has something to fold."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            if layer.running_mean is not None:
                nn.init.normal_(layer.running_mean, 0, 0.2)
                nn.init.uniform_(layer.running_var, 0.5, 2)
            if layer.weight is not None:
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.normal_(layer.bias, 0, 0.2)
    return network.eval()


def draw_gtsrb(root, classes, *, tracks, frames, test):
    """Draw a data set in the official layout below ``root``: tracks of training images, test images of each class."""
    for class_id in classes:
        folder = root / f"GTSRB/Final_Training/Images/{class_id:05d}"
        rows = {
            f"{track:05d}_{frame:05d}.ppm": 10 * track + frame for track in range(tracks) for frame in range(frames)
        }
        _write(folder, folder / f"GT-{class_id:05d}.csv", [(name, class_id, seed) for name, seed in rows.items()])
    rows = [(f"{number:05d}.ppm", class_id, 100 + number) for number, class_id in enumerate(classes * test)]
    _write(root / "GTSRB/Final_Test/Images", root / "GTSRB/GT-final_test.csv", rows)
    return root


def _write(folder, table, rows):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"Filename;{COLUMNS}"]
    for name, class_id, seed in rows:
        sign = draw_sign(class_id, 32, seed)
        sign.image.save(folder / name)
        lines.append(";".join(map(str, [name, 32, 32, *sign.roi, class_id])))
    table.write_text("\n".join(lines) + "\n")


def random_model(folder, classes, card):
    """The path of a model file with random weights, for images of 32 pixels."""
    torch.manual_seed(0)
    model = VGG(NetworkSettings(classes=classes, input_size=32), card)
    initialise(model)
    save_model(settled(model), folder / "random.safetensors")
    return folder / "random.safetensors"


@contextlib.contextmanager
def narrow_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg, "_WIDTHS", (8, 8, 16, 16, 16))
        patch.setattr(vgg, "_compact_head", lambda settings: nn.Sequential(nn.Linear(16, settings.classes)))
        shapes.cache_clear()
        yield
    shapes.cache_clear()


@pytest.fixture
def narrow():
    """VGGs, those of model files among them, have few channels: for tests of what is done with any network."""
    with narrow_networks():
        yield


@pytest.fixture(scope="session")
def _untrained(tmp_path_factory):
    return _random_models(tmp_path_factory, 43, {"class_names": dict(CLASS_NAMES)})


@pytest.fixture
def untrained(_untrained, request):
    """A model file with random weights and GTSRB's classes."""
    return _untrained["narrow" in request.fixturenames]


@pytest.fixture(scope="session")
def _own_untrained(tmp_path_factory):
    return _random_models(tmp_path_factory, 3, {"class_names": {"de": OWN_CLASSES, "en": OWN_CLASSES}})


@pytest.fixture
def own_untrained(_own_untrained, request):
    """A model file with random weights and OWN_CLASSES."""
    return _own_untrained["narrow" in request.fixturenames]


def _random_models(tmp_path_factory, classes, card):
    """A model file by whether its network is narrow."""
    whole = random_model(tmp_path_factory.mktemp("model"), classes, card)
    with narrow_networks():
        return {False: whole, True: random_model(tmp_path_factory.mktemp("model"), classes, card)}


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """The module of a caller's own networks, in the current folder; forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    yield (name := own_network.written(tmp_path))
    for module in (name, "skipping"):
        sys.modules.pop(module, None)
