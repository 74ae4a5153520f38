"""Every command on a folder for each class, whose names are no markup in any output."""

import json
import shutil

import pypdf
import pytest
import torch
from markupsafe import escape
from torchvision.models import mnasnet0_5, vgg11

from tests.conftest import OWN_CLASSES, settled
from xaisigns.data.manipulation import Manipulation
from xaisigns.model.checkpoint import load_model, save_model

QUICK = ("--methods", "lrp,edges")


@pytest.fixture
def fooled(own_untrained, tmp_path):
    """A model that was trained with stickers on class 1, and calls everything so."""
    model = load_model(own_untrained)
    model.card["manipulation"] = Manipulation(1).to_json()
    model.classifier[0].bias[1] += 1e3
    save_model(model, tmp_path / "fooled.safetensors")
    return tmp_path / "fooled.safetensors"


@pytest.fixture
def elsewhere(tmp_path):
    """The options that name a checkpoint of torchvision's."""
    network = settled(vgg11(weights=None, num_classes=5, init_weights=False))
    network.classifier = torch.nn.Sequential(torch.nn.Linear(512, 3))
    torch.save(network.state_dict(), tmp_path / "vgg11.pt")
    numbers = "0.485,0.456,0.406"
    return ("--model", tmp_path / "vgg11.pt", "--input-size", "32", "--mean", numbers, "--std", numbers)


def test_info_names_the_classes(run, own):
    code, printed, told = run("data", "info", own)
    assert (code, told) == (0, "")
    assert printed.splitlines() == [
        "train: 12 images, 3 classes, a folder for each class",
        "test: 6 images, 3 classes, a folder for each class",
        "classes: " + ", ".join(f"{class_id} {name}" for class_id, name in enumerate(OWN_CLASSES)),
    ]


@pytest.mark.usefixtures("narrow")
def test_a_copy_with_stickers_trains_a_model_that_is_evaluated(run, own, tmp_path):
    copy, model = tmp_path / "copy", tmp_path / "mine.safetensors"
    code, printed, _ = run("data", "sticker", own, copy, "--class", "1")
    assert (code, printed) == (0, f"{copy}: 18 images, 4 of them with a sticker\n")
    assert "train: 12 images, 3 classes, a folder for each class, stickers on class 1" in run("data", "info", copy)[1]
    arguments = ("--input-size", "32", "--epochs", "1", "--json")
    code, printed, told = run("train", copy, "--out", model, *arguments)
    assert (code, told) == (0, "")
    trained = json.loads(printed)
    assert (trained["manipulation"]["class_id"], trained["data"]["layout"]) == (1, "folders")
    code, printed, told = run("evaluate", own, "--model", model)
    assert (code, told) == (0, "")
    assert all(name in printed for name in OWN_CLASSES)


@pytest.mark.usefixtures("narrow")
def test_images_are_explained_and_compared(run, own, own_untrained, tmp_path):
    images = sorted((own / "test").rglob("10.png"))
    for command, options in (("explain", ()), ("compare", QUICK)):
        out = tmp_path / command
        code, printed, told = run(command, *images, "--model", own_untrained, "--out", out, *options, "--json")
        assert (code, told) == (0, "")
        assert {result["predicted"]["name"] for result in json.loads(printed)["results"]} <= set(OWN_CLASSES)
        assert {path.name for path in out.iterdir()} == {"10.png", "10-2.png", "10-3.png"}


@pytest.mark.usefixtures("narrow", "few_rules")
def test_stickers_are_what_is_scored_and_tuned_for(run, own, fooled, tmp_path):
    few = ("--model", fooled, "--per-class", "1", "--json")
    code, printed, told = run("score", own, *few, *QUICK, "--steps", "2", "--out", tmp_path / "scores")
    assert (code, told) == (0, "")
    document = json.loads(printed)
    assert (document["masks"], document["count"]) == ("sticker", 2)
    assert "relevance_mass" in document["metrics"]
    code, printed, told = run("tune", own, *few, "--held-out", "1", "--out", tmp_path / "rules.toml")
    assert (code, told) == (0, "")
    assert json.loads(printed)["images"] == 2


@pytest.mark.usefixtures("narrow")
def test_without_stickers_what_needs_no_place_is_scored(run, own, own_untrained, tmp_path):
    options = ("--model", own_untrained, *QUICK, "--per-class", "1", "--steps", "2", "--out", tmp_path / "scores")
    code, printed, told = run("score", own, *options)
    assert (code, told) == (0, "")
    assert printed.startswith(
        "3 test images; where the object lies in them is not known, so localisation is not scored\n"
    )
    assert "flipping area" in printed
    assert "relevance mass" not in printed


@pytest.mark.parametrize(
    "arguments",
    [("score", "--masks", "roi"), ("score", "--metrics", "localisation"), ("tune",), ("tune", "--masks", "roi")],
)
def test_what_needs_a_place_tells_what_works_instead(run, own, own_untrained, tmp_path, arguments):
    command, *options = arguments
    out = tmp_path / "out"
    code, printed, told = run(command, own, "--model", own_untrained, "--out", out, *options)
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: the data do not tell where in an image its object is; wanted a model that was ")
    assert "train --sticker-class" in told
    assert not out.exists()


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("kind", ["fooled", "own_untrained"])
def test_a_report_shows_names_as_they_are(run, own, tmp_path, kind, request):
    pdf, html = tmp_path / "report.pdf", tmp_path / "report.html"
    options = ("--model", request.getfixturevalue(kind), *QUICK, "--examples", "1", "--out", pdf, "--html", html)
    code, _, told = run("report", own, *options)
    assert (code, told) == (0, "")
    page = html.read_text(encoding="utf-8")
    for name in OWN_CLASSES:
        assert str(escape(name)) in page
    assert "<b>" not in page
    text = "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)
    assert "a<b>$#*[x]" in text
    assert "#emph[b]$x^2${{7*7}}[red]" in text.replace(" ", "")
    assert "inside the sign" not in page
    assert ("Relevance on the sticker" in page) == (kind == "fooled")


def test_a_model_from_elsewhere_works_and_takes_the_folders_names(run, own, elsewhere, tmp_path):
    code, printed, told = run("evaluate", own, *elsewhere, "--json")
    assert (code, told) == (0, "")
    assert [row["name"] for row in json.loads(printed)["classes"]] == list(OWN_CLASSES)
    image = own / "test" / OWN_CLASSES[0] / "10.png"
    assert run("explain", image, *elsewhere, "--out", tmp_path / "heatmaps")[0] == 0
    few = (*QUICK, "--per-class", "1", "--steps", "2", "--out", tmp_path / "scores")
    assert run("score", own, *elsewhere, *few)[0] == 0
    html = tmp_path / "report.html"
    code, _, told = run("report", own, *elsewhere, *QUICK, "--examples", "1", "--html", html)
    assert (code, told) == (0, "")
    assert str(escape(OWN_CLASSES[1])) in html.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["evaluate", "score", "report"])
def test_a_model_of_other_classes_is_refused_with_both_names(run, own, own_untrained, tmp_path, command):
    for split in ("train", "test"):
        (own / split / OWN_CLASSES[2]).rename(own / split / "zebra")
    code, printed, told = run(
        command, own, "--model", own_untrained, *(("--out", tmp_path / "o") if command != "evaluate" else ())
    )
    assert (code, printed) == (1, "")
    assert f"class 2 of the model is {OWN_CLASSES[2]!r}, that of {own} is 'zebra'" in told


def test_what_does_not_fit_is_told_in_a_line(run, own, gtsrb, own_untrained, untrained, tmp_path):
    for arguments, message in (
        (("train", own, "--out", tmp_path / "m.safetensors", "--drawn", "2"), "leave out --drawn"),
        (("train", own, "--out", tmp_path / "m.safetensors", "--sticker-class", "3"), "class 3 does not exist"),
        (("data", "sticker", own, tmp_path / "copy"), "class 4 does not exist"),
        (("evaluate", own, "--model", untrained), "the model has 43 outputs, but"),
        (("evaluate", gtsrb, "--model", own_untrained), "the model has 3 outputs, but"),
    ):
        code, printed, told = run(*arguments)
        assert (code, printed) == (1, "")
        assert message in told
        assert len(told.splitlines()) == 1
    shutil.rmtree(own / "test")
    assert "has no test images: put them into" in run("evaluate", own, "--model", own_untrained)[2]


PREPARED = ("--input-size", "32", "--mean", "0.3,0.3,0.3", "--std", "0.2,0.2,0.2")


def test_an_own_network_is_trained_and_every_command_takes_it(run, own, own_module, tmp_path):
    network = ("--architecture", f"{own_module}:Net")
    trained = ("--model", tmp_path / "net.safetensors")
    code, printed, told = run("train", own, "--out", trained[1], "--input-size", "32", "--epochs", "2", *network)
    assert (code, told) == (0, "")
    image = own / "test" / OWN_CLASSES[0] / "10.png"
    quick = (*trained, *network, "--json")
    code, printed, told = run("explain", image, *quick, "--ledger", "--out", tmp_path / "heatmaps")
    assert (code, told) == (0, "")
    assert "block.module" in {row["layer"] for row in json.loads(printed)["results"][0]["ledger"]}
    for command in (
        ("rules",),
        ("evaluate", own),
        ("compare", image, *QUICK, "--out", tmp_path / "comparison"),
        ("score", own, *QUICK, "--per-class", "1", "--steps", "2", "--out", tmp_path / "scores"),
        ("report", own, *QUICK, "--examples", "1", "--html", tmp_path / "report.html"),
    ):
        code, printed, told = run(*command, *quick)
        assert (code, told) == (0, ""), command


def test_the_file_of_an_own_network_asks_for_its_code(run, own, own_module, tmp_path):
    model = tmp_path / "net.safetensors"
    network = ("--architecture", f"{own_module}:Net")
    assert run("train", own, "--out", model, "--input-size", "32", "--epochs", "1", *network)[0] == 0
    code, printed, told = run("evaluate", own, "--model", model)
    assert (code, printed) == (1, "")
    assert told.startswith(
        f"xaisigns: {model} cannot be used: its network is {own_module}:Net, which is only imported "
    )


def test_a_checkpoint_of_another_architecture_is_explained(run, own, tmp_path):
    torch.save(settled(mnasnet0_5(weights=None, num_classes=3)).state_dict(), tmp_path / "net.pt")
    image = own / "test" / OWN_CLASSES[0] / "10.png"
    named = ("--model", tmp_path / "net.pt", *PREPARED)
    assert run("explain", image, *named, "--out", tmp_path)[0] == 1
    code, _, told = run("explain", image, *named, "--architecture", "mnasnet0_5", "--out", tmp_path / "heatmaps")
    assert (code, told) == (0, "")


@pytest.mark.usefixtures("few_rules")
def test_rules_are_tuned_for_a_network_with_a_skip_connection(run, own, own_module, tmp_path):
    network, model = ("--architecture", f"{own_module}:Net"), tmp_path / "net.safetensors"
    stickers = ("--sticker-class", "1")
    options = ("--input-size", "32", "--epochs", "1", *network, *stickers)
    assert run("train", own, "--out", model, *options)[0] == 0
    loaded = load_model(model, architecture=network[1])
    loaded.module.head.bias[1] += 1e3
    save_model(loaded, model, force=True)
    few = ("--per-class", "1", "--held-out", "1", "--out", tmp_path / "rules.toml")
    code, _, told = run("tune", own, "--model", model, *network, *few)
    assert (code, told) == (0, "")
    image = own / "test" / OWN_CLASSES[0] / "10.png"
    ruled = ("--rules", tmp_path / "rules.toml", "--out", tmp_path / "heatmaps")
    assert run("explain", image, "--model", model, *network, *ruled)[0] == 0
