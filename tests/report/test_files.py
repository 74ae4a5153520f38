import os
from pathlib import Path

import pytest

from xaisigns.report.files import PictureNames


def taken(folder, *images):
    names = PictureNames(folder, images)
    return [names.take(image).name for image in images]


def test_a_picture_is_called_as_its_image(tmp_path):
    assert taken(tmp_path, Path("a/stop.jpg"), Path("fifty.tar.ppm"), Path(".png")) == [
        "stop.png",
        "fifty.tar.png",
        ".png.png",
    ]


def test_images_of_one_name_in_several_folders_have_pictures_of_their_own(tmp_path):
    images = [Path(f"{number}/00000.ppm") for number in range(3)] + [Path("00000-2.ppm")]
    assert taken(tmp_path, *images) == ["00000.png", "00000-2.png", "00000-3.png", "00000-2-2.png"]


def test_no_picture_takes_the_place_of_an_image(tmp_path):
    (tmp_path / "in").symlink_to(tmp_path)
    assert taken(tmp_path, tmp_path / "in/stop.png", tmp_path / "stop-2.png") == ["stop-3.png", "stop-2-2.png"]
    (tmp_path / "link.png").symlink_to(tmp_path / "target.png")
    assert taken(tmp_path, tmp_path / "target.png", Path("link.jpg")) == ["target-2.png", "link-2.png"]


@pytest.mark.parametrize(("one", "other"), [("Stop", "sTOP"), ("straße", "STRASSE"), ("f\u00fcnf", "fu\u0308nf")])
def test_names_that_some_file_systems_take_for_one_are_two(tmp_path, one, other):
    assert taken(tmp_path, Path(f"{one}.jpg"), Path(f"{other}.jpg")) == [f"{one}.png", f"{other}-2.png"]


@pytest.mark.parametrize("letter", ["x", "ü", "\udcdf", "🛑"], ids=["ascii", "two bytes", "no UTF-8", "four bytes"])
@pytest.mark.parametrize("suffix", [".png", ".p", ""])
def test_a_long_name_is_shortened_and_stays_unique(tmp_path, letter, suffix):
    stem = letter * ((255 - len(suffix)) // len(os.fsencode(letter)))
    images = [Path(f"{number}/{stem}{suffix}") for number in range(12)]
    found = taken(tmp_path, *images)
    assert len(set(found)) == 12
    for name in found:
        assert stem.startswith(name.removesuffix(".png").split("-")[0])
        (tmp_path / name).with_suffix(".npy").touch()
        assert len(os.fsencode(name)) > 255 - len(os.fsencode(letter)) - 1


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png", "loop/stop.png", "\ud800.png"])
def test_an_image_that_cannot_be_there_is_no_error_of_the_names(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    names = PictureNames(tmp_path, [tmp_path / name, Path("stop.png")])
    assert names.take(Path("stop.png")) == tmp_path / "stop.png"


def test_many_images_of_one_name_are_named_in_time(tmp_path, monkeypatch):
    looked = []
    real = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: looked.append(path) or real(path))
    taken(tmp_path, *(Path(f"{number}/00000.ppm") for number in range(300)))
    assert len(looked) == 600  # one look for each image and each picture
