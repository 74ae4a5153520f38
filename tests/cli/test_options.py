"""Options that commands share: a group among a command's parameters stands for all of its options."""

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import torch
import typer
from torchvision.models import mnasnet0_5
from typer.main import get_command

import xaisigns as xs
from tests.conftest import settled
from xaisigns.cli.application import app
from xaisigns.cli.options import Network, Networks, Output, with_groups
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model

WITH_NETWORK = {
    "attribute",
    "audit",
    "compare",
    "evaluate",
    "explain",
    "live",
    "repair",
    "report",
    "rules",
    "score",
    "tune",
}


@dataclass(frozen=True)
class Paint:
    """A group of two options."""

    colour: Annotated[str, typer.Option(help="Of the wall.")] = "red"
    coats: int = 2


def _options(command):
    return [parameter.name for parameter in command.params]


def test_the_options_of_a_group_stand_in_its_place():
    heard = []

    def paint(wall: str, *, paint: Paint, fast: bool = False) -> None:
        """Paint a wall."""
        heard.append((wall, paint, fast))

    taken = with_groups(paint)
    assert list(inspect.signature(taken).parameters) == ["wall", "colour", "coats", "fast"]
    assert taken.__doc__ == paint.__doc__
    plain = typer.Typer()
    plain.command()(taken)
    command = get_command(plain)
    assert [parameter.help for parameter in command.params if parameter.name == "colour"] == ["Of the wall."]
    command(["north", "--coats", "3", "--fast"], standalone_mode=False)
    command(["south", "--colour", "blue"], standalone_mode=False)
    assert heard == [("north", Paint(coats=3), True), ("south", Paint("blue"), False)]


def test_every_command_with_a_network_has_its_options_and_all_say_their_language():
    commands = dict(get_command(app).commands)
    for group in ("data", "cache"):
        commands |= {f"{group} {name}": command for name, command in commands.pop(group).commands.items()}
    network, networks, output = (list(inspect.signature(group).parameters) for group in (Network, Networks, Output))
    assert network == networks
    assert {name for name, command in commands.items() if set(network) <= set(_options(command))} == WITH_NETWORK
    for name, command in commands.items():
        assert _options(command)[-len(output) :] == output, name


def test_several_models_are_named_again_as_they_were():
    assert Networks().words() == []
    told = Networks(["a.pt", "clean"], 64, "0,0,0", "1,1,1", "resnet18").words()
    assert told[:4] == ["--model", "a.pt", "--model", "clean"]
    assert told[4:] == ["--input-size", "64", "--mean", "0,0,0", "--std", "1,1,1", "--architecture", "resnet18"]


def test_half_of_the_options_of_a_checkpoint_is_wrong_usage():
    with pytest.raises(typer.BadParameter, match="go together: give all three"):
        Network("my.pt", input_size=64, mean="0,0,0").load()


def test_without_a_model_it_is_the_stickered_one_and_one_has_no_name(untrained):
    assert Networks().load().manipulation.class_id == 4
    assert Networks([str(untrained)]).load().preprocessing.input_size == 32


@pytest.mark.usefixtures("narrow")
def test_several_models_have_names_and_what_a_checkpoint_cannot_tell_is_told_to_it_alone(
    untrained, own_untrained, tmp_path
):
    torch.save(load_model(own_untrained).module.state_dict(), tmp_path / "mine.pt")
    models = [str(untrained), str(tmp_path / "mine.pt")]
    told = {"input_size": 64, "mean": "0,0,0", "std": "1,1,1"}
    loaded = Networks(models, **told, device="cpu").load()
    assert list(loaded) == ["random", "mine"]
    assert [one.preprocessing.input_size for one in loaded.values()] == [32, 64]
    assert [one.classes for one in loaded.values()] == [43, 3]
    # Where no checkpoint is, a model file refuses them as ever, and so does one alone.
    for those in ([str(untrained), str(own_untrained)], [str(untrained)]):
        with pytest.raises(ModelError, match="it knows its input size, mean and std itself"):
            Networks(those, **told).load()
    with pytest.raises(ModelError, match=r"mine.pt cannot be used: .* give --input-size, --mean and --std"):
        Networks(models).load()
    with pytest.raises(typer.BadParameter, match="go together: give all three"):
        Networks(models, input_size=64).load()


@pytest.mark.usefixtures("narrow")
def test_an_architecture_is_that_of_the_checkpoint(untrained, tmp_path):
    network = settled(mnasnet0_5(weights=None, num_classes=5))
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    told = {"input_size": 64, "mean": "0,0,0", "std": "1,1,1", "architecture": "mnasnet0_5"}
    loaded = Networks([str(untrained), str(tmp_path / "mine.pt")], **told).load()
    assert [one.settings.architecture for one in loaded.values()] == ["vgg11_bn", "mnasnet0_5"]


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"xaisigns {xs.__version__}\n", "")


def test_a_device_that_is_not_there_is_refused(run, monkeypatch, tmp_path):
    monkeypatch.setattr("xaisigns.base.devices._there", lambda: {"cpu": 1})
    said = "this machine, with this build of torch, has no cuda; there is cpu"
    for command in (["rules"], ["train", "--out", tmp_path / "model.safetensors"]):
        code, printed, told = run(*command, "--device", "cuda")
        assert (code, printed) == (1, "")
        assert said in told
    assert run("rules", "--device", "gpu")[0] == 2


def test_the_network_of_a_command_is_on_its_device(monkeypatch, untrained, elsewhere):
    assert Network(str(untrained), device=elsewhere.type).load().device == elsewhere
    assert Network(str(untrained)).load().device == elsewhere  # the fastest there is
