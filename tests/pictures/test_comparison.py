"""Methods side by side: what stands where, one scale a method, and that nothing is cut off."""

import re

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from PIL import Image

import xaisigns as xs
from tests.catalogues import left_of_english
from tests.conftest import OWN_CLASSES
from xaisigns.attribution import methods as registry
from xaisigns.attribution.methods import DEFAULT_METHODS, find_method
from xaisigns.data.drawn.examples import example_signs
from xaisigns.errors import LanguageError, MethodError, ModelError, ShapeError
from xaisigns.pictures.figures import save_figure

pytestmark = pytest.mark.usefixtures("narrow")

METHODS = ("lrp", "saliency", "uniform")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def sign():
    return example_signs()["speed-50"]


def pictures(figure):
    """The image, which stands in the first row alone, and then column by column."""
    return [picture for axis in figure.axes for picture in axis.images]


def texts(figure):
    return [text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text"))]


def test_methods_are_columns_and_classes_are_rows(model, sign):
    (figure,) = xs.compare(model, [sign], METHODS)
    x = model.preprocess([sign])
    rows = model(x)[0].topk(2).indices.tolist()
    shown = pictures(figure)
    assert len(shown) == 1 + 2 * 3
    np.testing.assert_array_equal(shown[0].get_array(), np.asarray(sign))
    for column, name in enumerate(METHODS):
        for row, class_id in enumerate(rows):
            wanted = find_method(name)(model, x, class_id).heatmap[0].numpy()
            drawn = np.asarray(shown[1 + 2 * column + row].get_array())
            np.testing.assert_allclose(drawn, wanted, atol=1e-5 * np.abs(wanted).max())
    for title in ("image", "LRP", "Saliency", "Uniform\n(control)"):
        assert title in texts(figure)
    for class_id in rows:
        assert any(" ".join(text.split()).startswith(f"{model.class_name(class_id)} logit ") for text in texts(figure))


def test_a_further_language_leaves_no_english(model, sign, foreign):
    (figure,) = xs.compare(model, [sign], METHODS, [4, 9], language=foreign)
    told = " ".join(texts(figure))
    assert left_of_english(told, METHODS) == set()
    assert re.search(r"\d'\d٪", told)
    assert re.search(r"± \d'\d", told)


def test_a_method_has_one_symmetric_scale(model, sign):
    (figure,) = xs.compare(model, [sign], ["input_x_gradient", "saliency"], [3, 4, 5])
    for column in range(2):
        shown = pictures(figure)[1 + 3 * column : 4 + 3 * column]
        strongest = max(np.abs(picture.get_array()).max() for picture in shown)
        assert {picture.get_clim() for picture in shown} == {(-strongest, strongest)}
        assert f"± {strongest:.2g}" in texts(figure)


def test_rows_that_were_asked_for(model, sign):
    images = [sign, example_signs()["stop"], Image.new("RGB", (20, 30), "blue")]
    predicted = model(model.preprocess(images)).argmax(dim=1).tolist()
    other = (predicted[0] + 1) % 43
    figures = xs.compare(model, images, ["uniform"], ["predicted", other, predicted[0], other])
    # Each class has one row, also where it was asked for twice.
    wanted = [len({class_id, other, predicted[0]}) for class_id in predicted]
    assert [len(pictures(figure)) - 1 for figure in figures] == wanted
    assert wanted[0] == 2


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("names", [("lrp",), DEFAULT_METHODS, "all"])
@pytest.mark.parametrize("called", ["", "before/" + "x" * 40])
def test_no_text_is_cut_off_or_lies_on_another(called, names, language, model, registries):
    """With the longest names, and one, ten and all methods, of one model and of two."""
    xs.register_method("averyveryverylongnamewithoutanybreakinit", lambda network, images, target: images)
    quick = {"occlusion": ":stride=8", "kernel_shap": ":segments=4:samples=20", "feature_ablation": ":segments=4"}
    listed = [f"{method.name}{quick.get(method.name, '')}" for method in registry.methods()]
    if names == "all":
        names = [*listed, "lrp:epsilon_alpha2_beta1_flat:stabilizer=0.001:contrast"]
    models = {called: model, "after": model} if called else model
    (figure,) = xs.compare(models, [Image.new("RGB", (40, 30), "red")], names, [42, 6], language=language)
    figure.draw_without_rendering()
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
        if text.get_text() and text.get_visible()
    ]
    boxes += [("picture", axis.get_window_extent()) for axis in figure.axes]
    for text, box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
    for index, (text, box) in enumerate(boxes):
        for other, beside in boxes[index + 1 :]:
            assert not box.overlaps(beside), (text, other)


@pytest.mark.parametrize("name", ["W" * 17, "i" * 29, "$x_{" * 5, "Ω" * 40, "a"])
def test_labels_take_the_width_that_they_need(name, model, sign):
    model.card["class_names"] = {"en": [name] * 43}
    (figure,) = xs.compare(model, [sign], ["saliency"], [3])
    figure.draw_without_rendering()
    first = next(axes for axes in figure.axes if axes.images).get_window_extent().x0
    ends = [text.get_window_extent().x1 for axes in figure.axes for text in axes.texts if name[:1] in text.get_text()]
    assert ends
    assert first - 0.3 * figure.dpi < max(ends) < first


@pytest.mark.parametrize(
    ("method", "language", "title"),
    [
        ("input_x_gradient", "en", "Input × gradient"),
        ("integrated-gradients", "en", "Integrated\ngradients"),
        ("input_x_gradient", "de", "Eingabe ×\nGradient"),
        ("occlusion:window=4", "de", "Occlusion:\nwindow=4"),
        ("edges", "de", "Kanten\n(Kontrolle)"),
        ("my_own", "de", "my_own"),
    ],
)
def test_a_column_has_the_methods_name_as_people_write_it(method, language, title, model, sign, registries):
    xs.register_method("my_own", lambda network, images, target: images)
    assert title in texts(xs.compare(model, [sign], method, 3, language=language)[0])


def test_german_words(model, sign):
    (figure,) = xs.compare(model, [sign], METHODS, [14], language="de")
    told = " ".join(" ".join(texts(figure)).split())
    for words in (
        "Erkannt: ",
        "Rot spricht für die Klasse der Zeile",
        "Bild",
        "(Kontrolle)",
        "Halt! Vorfahrt gewähren",
    ):
        assert words in told
    assert "." not in "".join(text for text in texts(figure) if text.startswith(("Logit", "±")))


def test_the_language_is_the_variables_where_none_is_named(model, sign, monkeypatch):
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    assert "Bild" in texts(xs.compare(model, [sign], ["uniform"])[0])
    assert "image" in texts(xs.compare(model, [sign], ["uniform"], language="en")[0])
    with pytest.raises(LanguageError, match=r"language must be de or en.*, got 'qq'"):
        xs.compare(model, [sign], ["uniform"], language="qq")


@pytest.mark.parametrize(
    ("methods", "targets", "error", "message"),
    [
        (["no_such"], (), MethodError, "no method 'no_such'; there are lrp"),
        (["edges"], [43], ModelError, "the model has no class 43; give --target a number from 0 to 42"),
    ],
)
def test_what_does_not_exist_is_refused(methods, targets, error, message, model, sign):
    with pytest.raises(error, match=message):
        xs.compare(model, [sign], methods, targets)


def test_the_model_stays_as_it_was(model, sign):
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    xs.compare(model, [sign], DEFAULT_METHODS[:3])
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_class_name_is_never_markup_nor_a_warning(own_untrained, sign, tmp_path):
    model = xs.load_model(own_untrained)
    for name in ("$x^2$", "$\\frac{$ and $", OWN_CLASSES[1], "日本 \U0001f9ff"):
        model.card["class_names"] = {"en": [name] * 3}
        (figure,) = xs.compare(model, [sign], ("saliency",))
        save_figure(figure, tmp_path / "picture.png")
        drawn = [text for text in figure.findobj(Text) if name in text.get_text()]
        assert len(drawn) == 3
        assert not any(text.get_parse_math() for text in drawn)


def test_one_text_is_one_method_or_several_with_commas(model, sign):
    for methods, wanted in (("saliency", 1), ("saliency,uniform", 2), (["saliency"], 1)):
        (figure,) = xs.compare(model, [sign], methods, [3])
        assert len(pictures(figure)) == 1 + wanted


@pytest.mark.parametrize(("targets", "rows"), [(3, 1), (0, 1), ("predicted", 1), ([3, 4], 2), ((), 2)])
def test_one_target_is_one_row(targets, rows, model, sign):
    (figure,) = xs.compare(model, [sign], "uniform", targets)
    assert len(pictures(figure)) == 1 + rows


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_a_picture_of_any_mode_is_drawn_in_its_colours(mode, model):
    image = Image.effect_noise((30, 20), 90).convert(mode)
    (figure,) = xs.compare(model, [image], "uniform", 3)
    (wanted,) = xs.compare(model, [np.asarray(image.convert("RGB"))], "uniform", 3)
    np.testing.assert_allclose(np.asarray(pictures(figure)[0].get_array()), pictures(wanted)[0].get_array(), atol=1)


@pytest.mark.parametrize("picture", [Image.new("RGB", (32, 32)), "sign.png"])
def test_a_single_picture_is_no_list(picture, model):
    with pytest.raises(ShapeError, match="a list of pictures is wanted, got "):
        xs.compare(model, picture, "uniform")


def test_a_network_that_does_not_say_how_images_come_to_it_is_refused(sign):
    with pytest.raises(ModelError, match=r"Sequential does not: give xs.Model\(network, xs.Preprocessing\("):
        xs.compare(torch.nn.Sequential(), [sign])


@pytest.mark.parametrize("rows", [None, [None], [True], 43, "stop", np.int64(43)])
def test_a_row_that_is_no_class_is_refused(rows, model, sign):
    with pytest.raises(ModelError, match=r"no class|a row is 'predicted' or a class number"):
        xs.compare(model, [sign], ["uniform"], rows)


def test_a_row_may_be_a_number_of_numpys(model, sign):
    (figure,) = xs.compare(model, [sign], ["uniform"], np.int64(3))
    assert any("Speed limit 60" in text for text in texts(figure))


def test_controls_are_smaller_and_have_no_colour(model, sign):
    (figure,) = xs.compare(model, [sign], ["saliency", "random", "uniform"], [3])
    method, *controls = [axis for axis in figure.axes if axis.images][1:]
    for control in controls:
        assert control.get_window_extent().width < 0.7 * method.get_window_extent().width
        (picture,) = control.images
        red, green, blue, _ = picture.to_rgba(picture.get_array()).reshape(-1, 4).T
        assert (red == green).all()
        assert (green == blue).all()


def test_each_model_has_its_rows_its_scales_and_its_name(model, untrained, sign, tmp_path):
    other = xs.load_model(untrained)
    other.classifier[0].bias.data[14] += 1e3
    (figure,) = xs.compare({"before": model, "after": other}, [sign], ["lrp", "saliency"], language="en")
    rows = [one(one.preprocess([sign]))[0].topk(2).indices.tolist() for one in (model, other)]
    shown = pictures(figure)
    assert len(shown) == 1 + 2 * 2 * 2
    np.testing.assert_array_equal(shown[0].get_array(), np.asarray(sign))
    for place, (one, classes) in enumerate(zip((model, other), rows, strict=True)):
        for column, name in enumerate(("lrp", "saliency")):
            wanted = [find_method(name)(one, one.preprocess([sign]), each).heatmap[0].numpy() for each in classes]
            drawn = shown[1 + 4 * place + 2 * column :][:2]
            strongest = np.abs(wanted).max()
            for picture, heatmap in zip(drawn, wanted, strict=True):
                np.testing.assert_allclose(picture.get_array(), heatmap, atol=1e-5 * strongest)
                assert picture.get_clim() == pytest.approx((-strongest, strongest), rel=1e-4)
    assert {"before", "after"} <= set(texts(figure))
    heading = " ".join(" ".join(texts(figure)).split())
    assert (
        "after: Stop (100.0%) Red speaks for the row's class, blue against it; below each model's columns: " in heading
    )


def test_models_with_long_names_are_told_apart(model, sign):
    names = [f"experiment-2024-seed-{seed}-lr-0.01-augment-large" for seed in (0, 1)]
    told = texts(*xs.compare(dict.fromkeys(names, model), [sign], "uniform"))
    for seed in (0, 1):
        short = f"experiment-2024-seed-{seed}…large"
        assert short in ["".join(text.split()) for text in told]
        assert f"{short}: " in " ".join(told)


def test_models_of_other_classes_are_beside_each_other(model, own_untrained, sign):
    (figure,) = xs.compare({"signs": model, "own": str(own_untrained)}, [sign], "uniform", 2)
    told = " ".join(" ".join(texts(figure)).split())
    assert model.class_name(2) in told
    assert " ".join(OWN_CLASSES[2].split()) in told
    with pytest.raises(ModelError, match=r"^own: the model has no class 3; give --target a number from 0 to 2"):
        xs.compare({"signs": model, "own": own_untrained}, [sign], "uniform", 3)
    for models in ({}, {"": model, "own": own_untrained}, [model, own_untrained]):
        with pytest.raises(ModelError, match="models beside each other are wanted by their names"):
            xs.compare(models, [sign], "uniform")
    for other, message in ((None, "the model must say how"), ("none.pt", "no model 'none.pt'")):
        with pytest.raises(ModelError, match=f"^own: {message}"):
            xs.compare({"signs": model, "own": other}, [sign], "uniform")


def test_a_further_language_leaves_no_english_beside_each_other(model, sign, foreign):
    (figure,) = xs.compare({"before": model, "after": model}, [sign], METHODS, [4, 9], language=foreign)
    assert left_of_english(" ".join(texts(figure)), [*METHODS, "before", "after"]) == set()
