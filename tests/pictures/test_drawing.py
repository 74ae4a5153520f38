"""Pictures are the same whatever the caller has told matplotlib, and the caller's settings stay as they are."""

import os
import subprocess
import sys
import threading

import matplotlib as mpl
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.style import library
from PIL import Image

import xaisigns as xs
from tests.report.contents import small_report
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.pictures.drawing import drawing
from xaisigns.pictures.figures import save_figure
from xaisigns.report.sections.scores import MethodScores
from xaisigns.report.sections.summary import Summary

pytestmark = pytest.mark.usefixtures("narrow")

HOSTILE = {
    "image.origin": "lower",
    "image.cmap": "viridis",
    "image.interpolation": "bicubic",
    "image.aspect": "auto",
    "image.resample": False,
    "savefig.dpi": 37,
    "savefig.bbox": "tight",
    "savefig.facecolor": "red",
    "savefig.transparent": True,
    "savefig.format": "svg",
    "figure.dpi": 31,
    "figure.facecolor": "blue",
    "figure.autolayout": True,
    "figure.constrained_layout.h_pad": 1.0,
    "figure.titlesize": 40,
    "text.usetex": True,
    "text.color": "green",
    "text.antialiased": False,
    "text.hinting": "none",
    "font.family": "monospace",
    "font.sans-serif": ["cmr10"],
    "font.size": 25,
    "axes.facecolor": "yellow",
    "axes.titlecolor": "red",
    "axes.edgecolor": "red",
    "axes.linewidth": 5,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.unicode_minus": False,
    "axes.formatter.limits": [0, 0],
    "axes.formatter.use_mathtext": True,
    "axes.xmargin": 0.4,
    "xtick.color": "red",
    "xtick.labelsize": 30,
    "xtick.top": True,
    "ytick.direction": "in",
    "ytick.minor.visible": True,
    "lines.linewidth": 9,
    "lines.antialiased": False,
    "lines.solid_capstyle": "round",
    "patch.force_edgecolor": True,
    "path.sketch": (1, 100, 2),
    "path.simplify_threshold": 1.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "other",
}


def made(path):
    """A figure of each kind, not drawn yet: a layout settles anew with every drawing."""
    model, sign = xs.load_model(path), draw_sign(14, 24, 0).image
    result = xs.attribute(model, model.preprocess([sign]), method="saliency")
    return [xs.show(model, [sign], result), *xs.compare(model, [sign], "saliency,uniform", 3)]


def saved(figure):
    return figure._repr_png_()


def charts():
    content = small_report()
    return [
        chart
        for section in (content.section(Summary), content.section(MethodScores))
        for chart in section.charts(section.tell(content), "de").values()
    ]


@pytest.fixture
def plain(untrained):
    with mpl.rc_context():
        mpl.rcdefaults()
        return [*map(saved, made(untrained)), *charts()]


def settings_of(name):
    return library.get(name, HOSTILE)


@pytest.mark.parametrize("name", ["hostile", "dark_background", "seaborn-v0_8-poster", "bmh", "fast", "classic"])
def test_a_picture_is_the_same_under_any_settings(name, plain, untrained):
    figures = made(untrained)
    with mpl.rc_context(settings_of(name)):
        before = dict(mpl.rcParams)
        assert [*map(saved, made(untrained)), *charts()] == plain
        assert [saved(figure) for figure in figures] == plain[:2]
        assert dict(mpl.rcParams) == before
    with mpl.rc_context(settings_of(name)):
        figures = made(untrained)
    assert [saved(figure) for figure in figures] == plain[:2]


def test_a_saved_file_is_the_same_under_any_settings(untrained, tmp_path):
    for name, settings in {"plain": {}, "hostile": HOSTILE}.items():
        with mpl.rc_context(settings):
            one, other = made(untrained)
            save_figure(one, tmp_path / f"{name}.png")
            other.savefig(tmp_path / f"{name}-own.png")
            canvas = FigureCanvasAgg(other)
            canvas.draw()
            (tmp_path / f"{name}.raw").write_bytes(canvas.buffer_rgba())
    for ending in (".png", "-own.png", ".raw"):
        assert (tmp_path / f"plain{ending}").read_bytes() == (tmp_path / f"hostile{ending}").read_bytes()


def test_what_the_caller_asks_for_in_saving_is_done(untrained, tmp_path):
    made(untrained)[0].savefig(tmp_path / "large.png", dpi=220)
    with Image.open(tmp_path / "large.png") as picture:
        assert picture.width == 2024


def test_a_matplotlibrc_changes_no_colour(tmp_path):
    """Colour maps are made when matplotlib is imported, with as many colours as the user's file says."""
    (tmp_path / "matplotlibrc").write_text("image.lut: 5\nimage.origin: lower\n")
    code = "from xaisigns.pictures.drawing import COLOURS; print(COLOURS.N, COLOURS(0.25))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.strip() == f"256 {colormaps['bwr'](0.25)}"


def test_the_settings_come_back_after_an_error():
    with mpl.rc_context({"image.origin": "lower"}):
        before, backend = dict(mpl.rcParams), mpl.get_backend(auto_select=False)
        with drawing({"font.size": 3}):
            assert (mpl.rcParams["image.origin"], mpl.rcParams["font.size"]) == ("upper", 3)
        with pytest.raises(KeyError, match="no such setting"), drawing({"font.size": 3, "no such setting": 1}):
            pass
        assert dict(mpl.rcParams) == before
        assert mpl.get_backend(auto_select=False) == backend


def test_threads_that_draw_at_once_leave_the_settings_as_they_were():
    inside, entered = threading.Event(), []

    def second():
        with drawing():
            entered.append(True)

    before = dict(mpl.rcParams)
    with drawing():
        thread = threading.Thread(target=lambda: (inside.set(), second()))
        thread.start()
        assert inside.wait(10)
        thread.join(0.05)
        assert not entered
    thread.join()
    assert entered
    assert dict(mpl.rcParams) == before
