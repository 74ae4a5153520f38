"""Short names of models beside each other, all of them different."""

import re

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.cli.model_names import told_apart
from xaisigns.model.checkpoint import bundled_weights


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        (["stickered", "repaired.safetensors"], ["stickered", "repaired"]),
        (["stickered", "clean"], ["stickered", "clean"]),
        (["runs/a/model.safetensors", "runs/b/model.safetensors"], ["a/model", "b/model"]),
        (["a/runs/model.pt", "b/runs/model.pt"], ["a/runs/model", "b/runs/model"]),
        (["a/model.pt", "a/model.safetensors"], ["model.pt", "model.safetensors"]),
        (["stickered", "stickered.safetensors"], ["stickered", "stickered.safetensors"]),
        (["stickered", "old/stickered.safetensors", "mine.pt"], ["stickered", "stickered.safetensors", "mine"]),
        (["model.1.pt", "model.2.pt"], ["model.1", "model.2"]),
        (["clean", "a/ .pt"], ["clean", " .pt"]),
    ],
)
def test_a_name_is_as_short_as_it_tells_apart(models, wanted):
    assert told_apart(models) == wanted


@given(
    st.lists(
        st.sampled_from(["clean", "stickered", "", "/", "a", "a.pt", "b/a.pt", "b/a", "c/b/a.pt", "c/clean"]),
        unique=True,
    )
)
def test_no_two_have_one_name(models):
    assert len(set(told_apart(models))) == len(models)


@pytest.mark.parametrize("models", [["clean", "stickered", "clean"], ["a.pt", "./a.pt"]])
def test_a_model_that_comes_twice_is_refused(models):
    with pytest.raises(typer.BadParameter, match=r"is there twice.*; give another model to show beside it"):
        told_apart(models)


def test_one_file_by_two_paths_comes_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, link, shipped = tmp_path / "a.pt", tmp_path / "b.pt", tmp_path / "c.pt"
    file.touch()
    link.symlink_to(file)
    shipped.symlink_to(bundled_weights("clean"))
    for models in (
        ["a.pt", str(file)],
        ["b.pt", "a.pt"],
        ["none/../a.pt", "a.pt"],
        ["clean", str(bundled_weights("clean"))],
        ["c.pt", "clean"],
    ):
        first, second = models
        with pytest.raises(
            typer.BadParameter, match=re.escape(f"{second} is there twice, before it as {first}; give ")
        ):
            told_apart(["stickered", *models])
    assert told_apart(["clean", str(bundled_weights("stickered"))]) == ["clean", "stickered"]
