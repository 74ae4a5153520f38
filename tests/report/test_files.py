"""Image files come in batches of bounded memory."""

from PIL import Image

from xaisigns.data.preprocessing import LONGEST
from xaisigns.report import files
from xaisigns.report.files import batches


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
