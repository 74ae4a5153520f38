"""Files damaged at random: an error of ours, or a network whose answers are numbers."""

import contextlib
import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from tests.conftest import settled
from tests.fuzzing import outcomes
from xaisigns.data.decoded import Images
from xaisigns.errors import ModelError, XaisignsError
from xaisigns.model import vgg
from xaisigns.model.checkpoint import load_model, save_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Preprocessing
from xaisigns.model.network_weights import shapes
from xaisigns.model.tensor_files import write_tensors
from xaisigns.model.training import TrainingSettings, train
from xaisigns.model.training_files import checkpoint_path
from xaisigns.model.vgg import VGG, initialise

DAMAGED = 63  # of each of eight kinds
PREPROCESSING = Preprocessing(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
NETWORK = NetworkSettings("vgg11_bn", classes=3, input_size=32)
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
LABELS = torch.tensor([0, 1, 2, 0])
TRAINING = TrainingSettings(epochs=1, batch_size=4)
CARD = {
    "class_names": {"de": ["a", "b", "c"], "en": ["d", "e", "f"]},
    "training": {"epochs": 8},
    "manipulation": {"class_id": 1, "fraction": 1.0, "seed": 0, "sticker": {"size": 0.4, "place": [0.3, 0.6]}},
    "metrics": {"loss": 0.5, "rows": [{"epoch": 1}]},
}
ODD = (None, True, -1, 0, 1.5, 1e300, 10**400, float("nan"), "", "\ud800", "x" * 10_000, [], {}, [[]], {"a": {}}, 2**63)


@contextlib.contextmanager
def narrow():
    """VGG11 with few channels, whose files are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg, "_WIDTHS", (4, 4, 4, 4, 4))
        patch.setattr(vgg, "_compact_head", lambda settings: nn.Sequential(nn.Linear(4, settings.classes)))
        shapes.cache_clear()
        yield
    shapes.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def _narrow():
    with narrow():
        yield


def write_models(folder):
    """One network as model file and as checkpoints of others."""
    torch.manual_seed(0)
    model = VGG(NETWORK, CARD)
    initialise(model)
    state = settled(model).state_dict()
    save_model(model, folder / "own")
    torch.save(state, folder / "zipped")
    torch.save({"state_dict": state, "epoch": 1}, folder / "older", _use_new_zipfile_serialization=False)
    save_file(state, folder / "foreign")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """These files, and the checkpoint of a training."""
    folder = tmp_path_factory.mktemp("whole")
    write_models(folder)
    train(NETWORK, TRAINING, Images(PIXELS, LABELS), None, folder / "training")
    return folder


def flipped(draw, content):
    """Bits, a piece or the end of it changed, more often where the structure is than where the weights are."""
    damaged = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8))):
        place = draw.choice((draw.randrange(len(damaged)), draw.randrange(4000), -1 - draw.randrange(4000)))
        damaged[place % len(damaged)] = draw.randrange(256)
    start = draw.randrange(len(damaged))
    cut = draw.randrange(6)
    if cut == 0:
        del damaged[start:]
    elif cut == 1:
        del damaged[start : start + draw.randrange(1, 100)]
    elif cut == 2:
        damaged[start:start] = damaged[: draw.randrange(1, 100)]
    return bytes(damaged)


def repacked(draw, content):
    """An archive of torch.save with true checksums over a damaged pickle."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as archive, zipfile.ZipFile(out, "w") as copy:
        for entry in archive.infolist():
            part = bytearray(archive.read(entry))
            if entry.filename.endswith("data.pkl"):
                for _ in range(draw.choice((1, 2, 4))):
                    part[draw.randrange(len(part))] = draw.randrange(256)
            copy.writestr(entry.filename, bytes(part))
    return out.getvalue()


def edited(draw, document):
    """The document with something else at a random place."""
    holder, name = {"": document}, ""
    while holder[name] and isinstance(holder[name], dict | list) and draw.random() < 0.85:
        holder = holder[name]
        name = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    if draw.random() < 0.2 and isinstance(holder, dict):
        del holder[name]
    else:
        holder[name] = draw.choice(ODD)
    return document


def parts(path, key):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()[key]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def outcome(path, preprocessing):
    """ "read" or "refused"; anything but an error of ours or finite answers fails the test."""
    told = ""
    try:
        logits = predict(load_model(path, preprocessing), PIXELS)
    except ModelError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 1500
    assert told or logits.isfinite().all()
    return "refused" if told else "read"


KINDS = [(name, flipped) for name in ("own", "foreign", "zipped", "older")] + [("zipped", repacked)]


@pytest.mark.parametrize(("name", "damage"), KINDS)
def test_a_damaged_file_is_refused_or_gives_numbers(folder, tmp_path, name, damage):
    content, path = (folder / name).read_bytes(), tmp_path / name

    def one(draw):
        path.write_bytes(damage(draw, content))
        return outcome(path, None if name == "own" else PREPROCESSING)

    counts = outcomes(DAMAGED, f"{name} {damage.__name__}", one)
    assert counts["refused"] > counts.total() / 4


def test_an_edited_card_is_refused_or_gives_numbers(folder, tmp_path):

    def one(draw):
        document, tensors = parts(folder / "own", "xaisigns")
        save_file(tensors, tmp_path / "own", metadata={"xaisigns": json.dumps(edited(draw, document))})
        return outcome(tmp_path / "own", None)

    counts = outcomes(DAMAGED, "card", one)
    assert counts["refused"] > counts.total() / 4


@pytest.mark.parametrize("forged", [False, True])
def test_a_damaged_checkpoint_of_a_training_is_refused_or_whole(folder, tmp_path, forged):
    source, out = checkpoint_path(folder / "training"), tmp_path / "training"
    wanted, _ = train(NETWORK, TRAINING, Images(PIXELS, LABELS), None, folder / "training", resume=True)

    def one(draw):
        if forged:
            document, tensors = parts(source, "training")
            document = edited(draw, document)
            try:
                write_tensors(checkpoint_path(out), tensors, "training", document)
            except (ValueError, UnicodeError):
                return "cannot be stored"
        else:
            checkpoint_path(out).write_bytes(flipped(draw, source.read_bytes()))
        try:
            model, _ = train(NETWORK, TRAINING, Images(PIXELS, LABELS), None, out, resume=True)
        except XaisignsError:
            return "refused"
        for name, value in model.state_dict().items():
            assert torch.equal(value, wanted.state_dict()[name])
        return "read"

    counts = outcomes(DAMAGED, f"training, {'forged' if forged else 'damaged'}", one)
    assert counts["refused"] > counts.total() / 2


MEASURED = """
import sys
from xaisigns.model.checkpoint import load_model
from xaisigns.model.explainable import Preprocessing

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

before = peak()
try:
    load_model(sys.argv[1], Preprocessing(64, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)) if sys.argv[2:] else None)
except Exception as error:
    print(type(error).__name__, peak() - before)
"""


def bomb(path):
    """What torch.save writes of 600 MB of zeros, packed to less than one."""
    torch.save({"features.0.weight": torch.zeros(2, 2)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            with archive.open(name, "w") as file:
                for _ in range(600 if name.endswith("/data/0") else 0):
                    file.write(bytes(2**20))
                file.write(content)


def promises(path):
    """A header that tells of 4 GB."""
    header = b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def long_header(path):
    path.write_bytes((2**30).to_bytes(8, "little") + b"{")
    os.truncate(path, 2**30 + 8)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc for the memory")
@pytest.mark.parametrize("make", [bomb, promises, long_header])
def test_a_small_file_does_not_take_much_memory(tmp_path, make):
    make(tmp_path / "file")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "file"), "foreign"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == "ModelError"
    assert int(told[1]) < 100_000  # kB
