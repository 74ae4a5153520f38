"""What one takes home is what the command makes."""

import base64
import io
import shlex

import numpy as np
import pytest
from PIL import Image

import xaisigns as xs
from tests.commands import ended
from tests.live.asks import ask
from xaisigns.errors import LanguageError
from xaisigns.live.composing import lay
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import files_to_keep, png

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def image():
    return lay(xs.draw_sign(2, 48, 1).image, ask().sticker).image


def test_the_bytes_of_a_png_are_the_image(image):
    with Image.open(io.BytesIO(png(image))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), np.asarray(image))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "question",
    [
        {},
        {"gamma": 0.3, "target": 2, "against": "rest", "layer": "features.8"},
        {"method": "saliency", "composite": None, "gamma": None, "against": 2},
    ],
)
def test_the_command_makes_the_very_picture(image, question, count, untrained, own_untrained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [untrained, own_untrained][:count]
    named = {path.parent.name: xs.load_model(path) for path in paths}
    options = [word for path in paths for word in ("--model", str(path))]
    exhibit = Exhibit(named if count > 1 else next(iter(named.values())), options, "en")
    kept = files_to_keep(exhibit, image, ask(question=question).question, "de")
    (tmp_path / "sign.png").write_bytes(base64.b64decode(kept["sign"]))
    assert ended(*shlex.split(kept["command"])[1:]) == 0
    made = (tmp_path / "heatmaps/sign.png").read_bytes()
    if count == 1:  # several are called by the command line's own short names
        assert made == base64.b64decode(kept["picture"])


def test_the_default_needs_no_words(image, untrained):
    kept = files_to_keep(Exhibit(xs.load_model(untrained), [], "en"), image, ask().question, "en")
    assert kept["command"] == "xaisigns explain sign.png --lang en"


def test_another_language_is_refused(image, untrained):
    with pytest.raises(LanguageError, match="must be de or en"):
        files_to_keep(Exhibit(xs.load_model(untrained), [], "en"), image, ask().question, "qq")
