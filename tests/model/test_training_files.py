"""Where a training writes is checked before it begins."""

import os
import re

import pytest

from tests.model.test_training import NETWORK
from xaisigns.errors import OutputError
from xaisigns.model.checkpoint import save_model
from xaisigns.model.tensor_files import write_tensors
from xaisigns.model.training_files import LOG_COLUMNS, check_training_places, checkpoint_path, training_places
from xaisigns.model.vgg import VGG, initialise


@pytest.mark.parametrize("name", ["my.safetensors", "my.pt", "my", "MY.CSV.pt", ".hidden"])
def test_a_place_where_nothing_is_will_do_and_nothing_is_made(tmp_path, name):
    check_training_places(tmp_path / "new" / "folder" / name)
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_earlier_training_will_do(tmp_path):
    out = tmp_path / "my.pt"
    model = VGG(NETWORK)
    initialise(model)
    save_model(model, out)
    out.with_suffix(".csv").write_text(",".join(LOG_COLUMNS) + "\n1,0.5,0.5,,1.0\n")
    write_tensors(checkpoint_path(out), {}, "training", {})
    check_training_places(out)


def test_trainings_of_other_names_keep_other_files(tmp_path):
    names = ["net.1", "net.2", "net", "v1.5.pt", "v1.6.safetensors"]
    files = [place.path.name for name in names for place in training_places(tmp_path / name)]
    assert len(set(files)) == 2 * len(names)
    assert files[-2:] == ["v1.6.csv", "v1.6.checkpoint.safetensors"]


@pytest.mark.parametrize("name", ["x.csv", "X.CSV", "x.checkpoint.safetensors"])
def test_a_model_is_not_called_as_its_log_or_its_checkpoint(tmp_path, name):
    with pytest.raises(OutputError, match=r"^cannot write the model to .*: the training's log or checkpoint has such"):
        check_training_places(tmp_path / name)


@pytest.mark.parametrize("name", ["my.safetensors", "my.csv", "my.checkpoint.safetensors"])
@pytest.mark.parametrize("content", [b"precious", b"\x02\0\0\0\0\0\0\0{}", b"a,b\n1,2\n"])
def test_what_no_training_wrote_is_not_written_over(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    wanted = re.escape(f"{tmp_path / name} exists and was not written by xaisigns; give another place or --force")
    with pytest.raises(OutputError, match=f"^{wanted}"):
        check_training_places(tmp_path / "my.safetensors")
    assert (tmp_path / name).read_bytes() == content
    check_training_places(tmp_path / "my.safetensors", force=True)


@pytest.mark.parametrize("name", ["my.safetensors", "my.csv", "my.checkpoint.safetensors"])
def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=rf"^cannot write .*{name}: it is a folder; name "):
        check_training_places(tmp_path / "my.safetensors")


@pytest.mark.parametrize("name", [".", "a" * 300, "a" * 240, "null\0byte", "file/my.safetensors"])
def test_a_place_that_cannot_be_is_refused(tmp_path, name):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"^cannot write "):
        check_training_places(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_one_may_not_write_to_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match=r"Permission denied; choose another place or make room$"):
        check_training_places(tmp_path / "my.safetensors")
    tmp_path.chmod(0o700)
