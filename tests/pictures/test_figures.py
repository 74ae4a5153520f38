"""Pictures of heatmaps: red for, blue against, one symmetric scale, names in both languages."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from torch import nn

import xaisigns as xs
from tests.catalogues import left_of_english
from tests.conftest import OWN_CLASSES
from xaisigns.errors import LanguageError, ModelError, ShapeError
from xaisigns.pictures.drawing import drawing
from xaisigns.pictures.figures import DRAWN, overlay, save_figure
from xaisigns.pictures.headings import heading, write_heading

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


def explained(model, relevance, target=4):
    logits = torch.zeros(len(relevance), 43)
    logits[:, 4] = 5
    return xs.Result(relevance, torch.full((len(relevance),), target), None, logits, "lrp", "epsilon_gamma_box")


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text"))]


def panels(figure, row=0):
    return [axis.images[0].get_array() for axis in figure.subfigs[row].axes if axis.images]


def test_red_speaks_for_and_blue_against(model):
    relevance = torch.zeros(1, 3, 32, 32)
    relevance[0, :, 0, 0], relevance[0, :, 31, 31] = 1.0, -1.0
    figure = xs.show(model, [Image.new("RGB", (32, 32), "grey")], explained(model, relevance))
    heatmap = np.asarray(panels(figure)[1])
    np.testing.assert_allclose(heatmap[0, 0, :3], [1, 0, 0], atol=0.01)
    np.testing.assert_allclose(heatmap[31, 31, :3], [0, 0, 1], atol=0.01)
    np.testing.assert_allclose(heatmap[16, 16, :3], [1, 1, 1], atol=0.01)


def test_the_scale_is_symmetric_around_zero(model):
    relevance = torch.zeros(1, 3, 32, 32)
    relevance[0, 0, 3, 3] = -0.5
    figure = xs.show(model, [Image.new("RGB", (32, 32))], explained(model, relevance))
    bar = next(axis for axis in figure.subfigs[0].axes if axis.get_label() == "<colorbar>")
    assert bar.get_ylim() == pytest.approx((-0.5, 0.5))


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", "Predicted: Speed limit 70 km/h (77.9%). Half of what speaks for “Stop” lies on 50% of the image."),
        (
            "de",
            "Erkannt: Zulässige Höchstgeschwindigkeit 70 km/h (77,9\u202f%). Die Hälfte dessen, was für "
            "„Halt! Vorfahrt gewähren“ spricht, liegt auf 50\u202f% des Bildes.",
        ),
    ],
)
def test_title_names_prediction_and_target(language, wanted, model):
    result = explained(model, torch.ones(1, 3, 32, 32), target=14)
    told = texts(xs.show(model, [Image.new("RGB", (40, 30))], result, language=language))
    assert wanted in [text.replace("\n", " ") for text in told]


def test_the_scale_has_the_languages_decimal_mark(model, monkeypatch):
    result = explained(model, torch.full((1, 3, 32, 32), 0.005))
    ticks = {}
    for language in ("en", "de"):
        figure = xs.show(model, [Image.new("RGB", (32, 32))], result, language=language)
        figure.draw_without_rendering()
        bar = next(axis for axis in figure.subfigs[0].axes if axis.get_label() == "<colorbar>")
        ticks[language] = [label.get_text() for label in bar.get_yticklabels()]
    assert "0.005" in ticks["en"]
    assert ticks["de"] == [text.replace(".", ",") for text in ticks["en"]]


def test_the_language_is_the_variables_where_none_is_named(model, monkeypatch):
    result, image = explained(model, torch.ones(1, 3, 32, 32)), Image.new("RGB", (32, 32))
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    assert "Relevanz je Pixel" in texts(xs.show(model, [image], result))
    assert "relevance per pixel" in texts(xs.show(model, [image], result, language="en"))
    with pytest.raises(LanguageError, match=r"language must be de or en.*, got 'qq'"):
        xs.show(model, [image], result, language="qq")


def test_a_contrast_with_the_rest_is_told(model):
    result = replace(explained(model, torch.ones(1, 3, 32, 32)), against="rest")
    heading = texts(xs.show(model, [Image.new("RGB", (32, 32))], result, language="en"))
    wanted = "Half of what speaks for “Speed limit 70 km/h” rather than all other classes lies on 50% of the image."
    assert any(wanted in text.replace("\n", " ") for text in heading)


def with_layers(model, count=1):
    """A result with a map of 3 channels, of which 1 has most, and a vector of 20 channels, and a filter."""
    maps = torch.zeros(count, 3, 4, 4)
    maps[:, 1, 0, 0], maps[:, 2, 3, 3] = -2.0, 0.5
    layers = {"features.8": maps, "classifier.0": torch.arange(20.0).expand(count, 20)}
    return replace(explained(model, torch.ones(count, 3, 32, 32)), layers=layers, channels={"features.8": [1, 2]})


def test_each_layer_has_a_row_with_its_channels_and_their_sum(model):
    figure = xs.show(model, [Image.new("RGB", (32, 32))] * 2, with_layers(model, 2), language="en")
    assert len(figure.subfigs) == 2 * 3
    heatmap = np.asarray(panels(figure, 1)[0])
    assert heatmap.shape == (4, 4, 4)
    np.testing.assert_allclose(heatmap[0, 0, :3], [0, 0, 1], atol=0.01)
    assert heatmap[3, 3, 0] > heatmap[3, 3, 2]  # red
    bars, vector = figure.subfigs[1].axes[0], figure.subfigs[2].axes[0]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["1", "2"]
    assert [bar.get_width() for bar in bars.patches] == [-2.0, 0.5]
    assert [label.get_text() for label in vector.get_yticklabels()] == [str(one) for one in range(19, 9, -1)]
    assert panels(figure, 2) == []
    told = texts(figure)
    assert "Layer features.8: 3 channels of 4 × 4, relevance −1.50 in all" in told
    assert "Layer classifier.0: 20 channels, relevance 190 in all" in told
    assert any("Only what passes through these channels of layer features.8: 1, 2." in text for text in told)


def test_a_layer_without_relevance_is_drawn(model):
    result = replace(with_layers(model), layers={"features.8": torch.zeros(1, 3, 4, 4)})
    figure = xs.show(model, [Image.new("RGB", (32, 32))], result)
    assert not list(figure.subfigs[1].axes[0].patches)
    assert np.asarray(panels(figure, 1)[0])[..., :3].min() > 0.99


@pytest.mark.parametrize("shape", [(28, 28, 96), (7, 5), (3, 2, 4, 4)])
def test_what_is_no_map_of_the_image_is_not_drawn(shape, model):
    result = replace(with_layers(model), layers={"features.1.block.2": torch.ones(1, *shape)})
    with pytest.raises(ShapeError, match=r"layer 'features.1.block.2' gives .*, which are no maps of it by channel"):
        xs.show(model, [Image.new("RGB", (32, 32))], result)


def test_a_further_language_leaves_no_english(model, foreign):
    images = [Image.new("RGB", (32, 32))] * 2
    for against in (None, torch.tensor([9, 14]), "rest"):
        result = replace(with_layers(model, 2), relevance=torch.full((2, 3, 32, 32), 0.005), against=against)
        figure = xs.show(model, images, result, language=foreign)
        figure.draw_without_rendering()
        bars = [axis for row in figure.subfigs for axis in row.axes if axis.get_label() == "<colorbar>"]
        shown = [*written_texts(figure), *(label for bar in bars for label in bar.get_yticklabels())]
        told = " ".join(text.get_text() for text in shown)
        assert left_of_english(told, list(result.layers)) == set()
        assert "77'9٪" in told
        assert "0'005" in told


def test_one_row_per_image(model):
    result = explained(model, torch.rand(3, 3, 32, 32))
    assert len(xs.show(model, [Image.new("RGB", (32, 32))] * 3, result).subfigs) == 3


def test_a_notebook_shows_the_figure_as_a_picture(model):
    figure = xs.show(model, [Image.new("RGB", (32, 32))], explained(model, torch.ones(1, 3, 32, 32)))
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_no_relevance_is_white(model):
    figure = xs.show(model, [Image.new("RGB", (32, 32))], explained(model, torch.zeros(1, 3, 32, 32)))
    assert np.asarray(panels(figure)[1])[..., :3].min() > 0.99


def test_overlay_is_the_grey_image_where_nothing_is_relevant():
    image = Image.effect_noise((64, 64), 40).convert("RGB")
    heatmap = np.zeros((32, 32))
    heatmap[0, 0] = 1
    mixed = overlay(image, heatmap)
    below = mixed[32:, 32:]
    assert (below == below[..., :1]).all()
    brightness = np.asarray(image.convert("L"))[32:, 32:].astype(float)
    assert np.corrcoef(below[..., 0].ravel(), brightness.ravel())[0, 1] > 0.99
    assert mixed[0, 0, 0] > 0.9
    assert mixed[0, 0, 2] < 0.3


@pytest.mark.parametrize(("low", "high"), [(0, 12), (0, 255), (230, 255)])
def test_overlay_is_readable_on_night_day_and_fog(low, high):
    image = Image.fromarray(np.linspace(low, high, 64, dtype=np.uint8)[None].repeat(64, axis=0))
    heatmap = np.zeros((64, 64))
    heatmap[:8], heatmap[-8:] = 1, -1
    mixed = overlay(image, heatmap)
    grey = mixed[32]
    assert grey.min() >= 0.34
    assert grey.max() - grey.min() > (0.2 if high - low < 50 else 0.6)
    assert np.abs(mixed[0] - (1, 0, 0)).max() < 1e-6
    assert np.abs(mixed[-1] - (0, 0, 1)).max() < 1e-6


def test_faint_relevance_leaves_a_dark_picture_as_it_is():
    heatmap = np.full((64, 64), 0.01)
    heatmap[0, 0] = 1
    with_it, without = (overlay(Image.new("L", (64, 64)), one) for one in (heatmap, heatmap * (heatmap > 0.5)))
    assert np.abs(with_it - without)[32:].max() < 0.03


def test_a_picture_has_the_same_bytes_each_time(model, tmp_path):
    for name in ("a.png", "b.png"):
        save_figure(
            xs.show(model, [Image.new("RGB", (32, 32))], explained(model, torch.ones(1, 3, 32, 32))), tmp_path / name
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_images_and_attributions_have_to_match(count, model):
    with pytest.raises(ShapeError, match=f"got {count} for 2"):
        xs.show(model, [Image.new("RGB", (32, 32))] * count, explained(model, torch.rand(2, 3, 32, 32)))


def test_a_class_name_is_never_markup_nor_a_warning(own_untrained, tmp_path):
    model = xs.load_model(own_untrained)
    for name in ("$x^2$", "$\\frac{$ and $", OWN_CLASSES[1], "日本 \U0001f9ff"):
        model.card["class_names"] = {"en": [name] * 3}
        result = xs.attribute(model, torch.zeros(1, 3, 32, 32), method="saliency", against=1)
        figure = xs.show(model, [Image.new("RGB", (32, 32))], result)
        save_figure(figure, tmp_path / "picture.png")
        assert figure._repr_png_()
        drawn = [text for text in figure.findobj(Text) if name in text.get_text()]
        assert drawn
        assert not any(text.get_parse_math() for text in drawn)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_any_mode_is_drawn_in_its_colours(mode, model):
    grey = Image.effect_noise((32, 32), 90)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    image = deep if mode == "I;16" else grey.convert(mode)
    plain = grey.convert("1") if mode == "1" else grey
    shown = panels(xs.show(model, [image], explained(model, torch.ones(1, 3, 32, 32))))
    wanted = panels(xs.show(model, [np.asarray(plain.convert("RGB"))], explained(model, torch.ones(1, 3, 32, 32))))
    for one, other in zip(shown, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=0.01 if other.dtype.kind == "f" else 1)


def test_a_path_an_image_and_an_array_give_one_picture(model, tmp_path):
    path = tmp_path / "phone.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.effect_noise((30, 20), 90).convert("RGB").save(path, exif=exif)
    with Image.open(path) as opened:
        upright = np.rot90(np.asarray(opened), -1)
        drawn = [
            xs.show(model, [picture], explained(model, torch.ones(1, 3, 32, 32)))._repr_png_()
            for picture in (path, str(path), opened, upright)
        ]
    assert len(set(drawn)) == 1


@pytest.mark.parametrize("picture", [Image.new("RGB", (32, 32)), np.zeros((32, 32, 3), np.uint8), "sign.png"])
def test_a_single_picture_is_no_list(picture, model):
    with pytest.raises(ShapeError, match="a list of pictures is wanted, got "):
        xs.show(model, picture, explained(model, torch.rand(1, 3, 32, 32)))


def test_normalised_images_are_no_pictures(model):
    with pytest.raises(ShapeError, match=r"a picture is wanted: a path, a PIL image or an array .*, got Tensor"):
        xs.show(model, torch.rand(1, 3, 32, 32), explained(model, torch.rand(1, 3, 32, 32)))


def test_a_network_without_names_has_numbers_for_its_classes():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    result = xs.attribute(network, torch.rand(1, 3, 16, 16), method="lrp:epsilon_plus_flat", target=2, against=1)
    told = texts(xs.show(network, [Image.new("RGB", (16, 16))], result))
    assert any("speaks for “class 2” rather than “class 1”" in text.replace("\n", " ") for text in told)
    told = texts(xs.show(network, [Image.new("RGB", (16, 16))], result, language="de"))
    assert any("Erkannt: Klasse " in text for text in told)


def test_a_large_picture_is_drawn_small(model):
    figure = xs.show(model, [Image.new("RGB", (3 * DRAWN, 40))], explained(model, torch.ones(1, 3, 32, 32)))
    assert panels(figure)[0].shape == (14, DRAWN, 3)


def test_hostile_names_stay_in_their_line(model):
    hostile = "a\x1b[2J\r\n\u202egnp.exe" + "x" * 200
    model.card = {"class_names": {"en": [hostile] * 43}}
    image = Image.new("RGB", (32, 32))
    figure = xs.show(model, [image], xs.attribute(model, model.preprocess([image]), method="uniform"))
    told = figure.subfigs[0].get_suptitle().replace("\n", " ")
    name = (r"a\x1b[2J\r\n\u202egnp.exe" + "x" * 200)[:59] + "…"
    assert told.startswith(f"Predicted: {name} (")
    assert told.endswith("%). This heatmap is a control: it knows nothing of the network.")


LONG_NAMES = [
    (
        "Vorgeschriebene Fahrtrichtung: geradeaus oder rechts",
        "Ende sämtlicher Streckenverbote: Überholen für Lkw",
    ),
    ("x" * 60, "y" * 60),
    ("W" * 60, "M" * 60),
    ("日本" * 30, "W " * 30),
]


def written_texts(figure):
    axes = [axis for row in figure.subfigs for axis in row.axes]
    texts = [row._suptitle for row in figure.subfigs]
    texts += [text for axis in axes for text in (axis.title, axis.yaxis.label)]
    return [text for text in texts if text.get_text()]


def within(inner, outer):
    return outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


@pytest.mark.parametrize("names", LONG_NAMES, ids=["words", "letters", "wide letters", "wide signs"])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("rows", [1, 2])
def test_no_text_leaves_the_figure(model, tmp_path, names, language, rows):
    model.card = {"class_names": {language: [*names] * 22}}
    result = xs.attribute(model, torch.zeros(rows, 3, 32, 32), method="saliency", target=0, against=1)
    figure = xs.show(model, [Image.new("RGB", (32, 32))] * rows, result, language=language)
    save_figure(figure, tmp_path / "picture.png")  # lays it out
    assert not [text for text in written_texts(figure) if not within(text.get_window_extent(), figure.bbox)]
    headings = [row.get_suptitle() for row in figure.subfigs]
    assert all("".join(name.split()) in "".join(heading.split()) for name in names for heading in headings)


def beside(model, count=1, layers=("features.8", "classifier.0")):
    """Two models with their results, of which the second asks about another class and has one layer alone."""
    first, second = with_layers(model, count), explained(model, torch.full((count, 3, 32, 32), -2.0), target=14)
    first = replace(first, layers={name: first.layers[name] for name in layers})
    second = replace(second, layers={name: first.layers[name] for name in layers[:1]})
    return {"stickered": model, "repaired": model}, {"stickered": first, "repaired": second}


def blocks(figure, count):
    """For each image its own part of a figure without layers: the image's axis, and the rows of its models."""
    for block in figure.subfigs[:count]:
        left, right = block.subfigs
        yield left.axes, right.subfigs


def test_models_beside_each_other_show_the_image_once(model):
    images = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green")]
    figure = xs.show(*_between(beside(model, 2, ()), images), language="en")
    assert len(figure.subfigs) == 2
    for image, ((axis,), rows) in zip(images, blocks(figure, 2), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), np.asarray(image))
        assert "Each model has its own scale." in [text.get_text() for text in axis.texts]
        told = [row.get_suptitle().replace("\n", " ") for row in rows]
        assert told[0].startswith("stickered: Speed limit 70 km/h (77.9%). Half of what speaks for it")
        assert told[1].startswith("repaired: Speed limit 70 km/h (77.9%). Nothing speaks for “Stop”.")
        limits = []
        for row in rows:
            heatmap, both, bar = row.axes
            assert (heatmap.get_title(), both.get_title()) == ("LRP: red for, blue against", "overlay")
            limits.append(bar.get_ylim())
        assert limits == [(-3.0, 3.0), (-6.0, 6.0)]
        red, blue = (np.asarray(row.axes[0].images[0].get_array())[0, 0, :3] for row in rows)
        np.testing.assert_allclose([red, blue], [[1, 0, 0], [0, 0, 1]], atol=0.01)


def test_rows_line_up_whatever_their_scales(model):
    models, results = beside(model, 1, ())
    scaled = {"stickered": 0.001, "repaired": 40.0}
    results = {name: replace(one, relevance=one.relevance * scaled[name]) for name, one in results.items()}
    figure = xs.show(models, [Image.new("RGB", (32, 32))], results, language="en")
    figure.draw_without_rendering()
    ((_, rows),) = blocks(figure, 1)
    places = [[axis.get_position().transformed(row.transSubfigure).x0 for axis in row.axes] for row in rows]
    np.testing.assert_allclose(places[0], places[1], atol=2)  # pixels
    assert [len({tick.get_text() for tick in row.axes[-1].get_yticklabels()}) > 2 for row in rows] == [True, True]


def _between(both, images):
    models, results = both
    return models, images, results


def test_a_layer_has_a_row_of_each_model_that_has_it(model):
    figure = xs.show(*_between(beside(model), [Image.new("RGB", (32, 32))]), language="de")
    headings = [row.get_suptitle() for row in figure.subfigs[1:]]
    assert [heading.split(":")[0] for heading in headings] == [
        "stickered\nSchicht features.8",
        "repaired\nSchicht features.8",
        "stickered\nSchicht classifier.0",
    ]


def test_models_with_long_names_are_told_apart(model):
    names = [f"experiment-2024-seed-{seed}-lr-0.01-augment-large" for seed in (0, 1)]
    models, results = (dict(zip(names, each.values(), strict=True)) for each in beside(model))
    figure = xs.show(models, [Image.new("RGB", (32, 32))], results, language="en")
    ((_, rows),) = blocks(figure, 1)
    told = [row.get_suptitle().replace("\n", " ").split(":")[0] for row in rows]
    assert told == ["experiment-2024-seed-0…large", "experiment-2024-seed-1…large"]
    layers = [row.get_suptitle().split("\n")[0] for row in figure.subfigs[1:]]
    assert layers == [told[0], told[1], told[0]]


@pytest.mark.parametrize("names", LONG_NAMES[:2], ids=["words", "letters"])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("count", [2, 3])
def test_no_text_of_models_beside_each_other_leaves_its_part(model, tmp_path, names, language, count):
    model.card = {"class_names": {language: [*names] * 22}}
    result = xs.attribute(model, torch.zeros(1, 3, 32, 32), method="saliency", target=0, against=1)
    called = ["before/" + "x" * 40, "after/" + "x" * 40, "model"][:count]
    figure = xs.show(
        dict.fromkeys(called, model), [Image.new("RGB", (32, 32))], dict.fromkeys(called, result), language=language
    )
    save_figure(figure, tmp_path / "picture.png")  # lays it out
    (((image,), rows),) = blocks(figure, 1)
    assert not [
        text
        for text in (image.title, *image.texts)
        if not within(text.get_window_extent(), figure.subfigs[0].subfigs[0].bbox)
    ]
    for row in rows:
        texts = [row._suptitle, *(text for axis in row.axes for text in (axis.title, axis.yaxis.label))]
        assert not [text for text in texts if text.get_text() and not within(text.get_window_extent(), row.bbox)]


def test_a_further_language_leaves_no_english_beside_each_other(model, foreign):
    figure = xs.show(*_between(beside(model), [Image.new("RGB", (32, 32))]), language=foreign)
    told = " ".join(texts(figure))
    assert left_of_english(told, ["features.8", "classifier.0", "stickered", "repaired"]) == set()


@pytest.mark.parametrize("names", [("stickered",), ("stickered", "other"), ("repaired", "stickered", "more")])
def test_each_model_has_a_result(names, model):
    models, results = beside(model)
    with pytest.raises(ShapeError, match=r"a result for each model is wanted: got \['stickered', 'repaired'\] for "):
        xs.show(dict.fromkeys(names, model), [Image.new("RGB", (32, 32))], results)
    with pytest.raises(ShapeError, match="a result for each model is wanted"):
        xs.show(models, [Image.new("RGB", (32, 32))], results["stickered"])


def test_what_is_no_model_is_refused_by_name(model):
    images, (models, results) = [Image.new("RGB", (32, 32))], beside(model)
    with pytest.raises(ModelError, match=r"^repaired: a network or a model of xaisigns is wanted, got NoneType"):
        xs.show({**models, "repaired": None}, images, results)
    with pytest.raises(ModelError, match=r"^a network or a model of xaisigns is wanted, got NoneType"):
        xs.show(None, images, results["repaired"])
    with pytest.raises(ShapeError, match=r"^stickered: one image for each attribution is wanted: got 2 for 1"):
        xs.show(models, images * 2, results)
    with pytest.raises(ModelError, match="models beside each other are wanted by their names"):
        xs.show([model, model], images, list(results.values()))
    with pytest.raises(
        ShapeError, match=r"a result for each model is wanted: got list for \['stickered', 'repaired'\]"
    ):
        xs.show(models, images, list(results.values()))


def test_models_of_other_classes_and_sizes_are_beside_each_other(model, own_untrained):
    other = xs.load_model(own_untrained)
    sign, networks = Image.new("RGB", (32, 32)), {"signs": model, "own": other, "bare": nn.Flatten()}
    results = {
        name: xs.attribute(one, one.preprocess([sign]), method="saliency") for name, one in list(networks.items())[:2]
    }
    results["bare"] = xs.Result(torch.ones(1, 3, 16, 16), torch.tensor([1]), None, torch.tensor([[0.0, 9.0]]), "lrp")
    ((_, rows),) = blocks(xs.show(networks, [sign], results, language="en"), 1)
    told = [row.get_suptitle() for row in rows]
    assert other.class_name(int(results["own"].predicted[0])) in told[1].replace("\n", " ")
    assert told[2].startswith("bare: class 1 (100.0%)")


@pytest.mark.parametrize(
    ("method", "language", "wanted"),
    [
        ("gradcam", "en", "Grad-CAM: red for, blue against"),
        ("lrp:epsilon_plus:contrast", "de", "LRP:epsilon_plus:contrast:\nRot dafür, Blau dagegen"),
        ("my_" + 60 * "x", "en", f"my_{34 * 'x'}…:\nred for, blue against"),
        ("a_$price$_of", "en", "a_$price$_of: red for, blue against"),
    ],
)
def test_a_heatmap_tells_its_method(method, language, wanted, model):
    result = replace(explained(model, torch.ones(1, 3, 32, 32)), method=method)
    figure = xs.show(model, [Image.new("RGB", (32, 32))], result, language=language)
    assert figure.subfigs[0].axes[1].get_title() == wanted
    figure.savefig(io.BytesIO())


def test_a_heading_keeps_off_the_edges(model):
    result = explained(model, torch.ones(1, 3, 32, 32))
    for count in range(20, 60):
        with drawing():
            figure = Figure(figsize=(9.2, 3), dpi=110)
            (row,) = figure.subfigures(1, 1, squeeze=False)[0]
            write_heading(row, f"{heading(model, result, 0, 'en')} {'m' * count}")
            (title,) = row.texts
            assert title.get_window_extent().width < 0.96 * row.bbox.width
