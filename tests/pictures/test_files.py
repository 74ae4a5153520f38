"""Image files come in batches of bounded memory, and their pictures have names of their own."""

import os
from pathlib import Path

import pytest
from PIL import Image

from xaisigns.data.preprocessing import LONGEST
from xaisigns.pictures import files
from xaisigns.pictures.files import PictureNames, batches


def written(folder, *sizes):
    paths = [folder / f"{number}.png" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("RGB", size).save(path)
    return paths


def test_a_batch_ends_with_its_pixels_or_its_images(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_PIXELS", 1000)
    paths = written(tmp_path, *[(10, 10)] * 3, (40, 25), (40, 25), *[(5, 5)] * 20)
    assert [len(batch) for batch in batches(paths, [])] == [4, 1, 16, 4]
    assert [path for batch in batches(paths, []) for path, _ in batch] == paths


def test_an_image_is_decoded_when_the_batch_before_it_is_done_with(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_PIXELS", 1000)
    read = []
    monkeypatch.setattr(files, "rgb", lambda path, **_: read.append(path) or Image.new("RGB", (40, 25)))
    left = batches([tmp_path / "a.png", tmp_path / "b.png"], [])
    next(left)
    assert read == [tmp_path / "a.png"]


def test_what_cannot_be_read_or_is_too_large_is_skipped(tmp_path):
    paths = [*written(tmp_path, (10, 10), (10, 11), (9, 9)), tmp_path / "none.png"]
    skipped = []
    (batch,) = batches(paths, skipped, max_pixels=100)
    assert [path for path, _ in batch] == [paths[0], paths[2]]
    assert [one["image"] for one in skipped] == [str(paths[1]), str(paths[3])]
    assert (
        "it has 10 x 11 pixels, wanted 1 to 100; make it smaller, or raise the bound by --max-pixels"
        in skipped[0]["error"]
    )


def test_a_large_image_is_reduced(tmp_path):
    ((_, image),) = next(iter(batches(written(tmp_path, (LONGEST + 1, 4)), [])))
    assert image.size == (LONGEST // 2 + 1, 2)


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


def test_no_file_beside_a_picture_takes_the_place_of_an_image(tmp_path):
    images = [tmp_path / "b.npy", Path("c.jpg")]
    names = PictureNames(tmp_path, images, (".png", ".npy"))
    assert [names.take(image).name for image in images] == ["b-2.png", "c.png"]


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


def test_a_longer_file_beside_a_picture_fits_too(tmp_path):
    name = PictureNames(tmp_path, [], (".png", ".12.npy")).take(Path("x" * 250 + ".p")).with_suffix(".12.npy")
    name.touch()
    assert len(name.name) == 255


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
