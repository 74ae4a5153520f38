"""The film that opens the README."""

import re

from PIL import Image

from tests.conftest import REPOSITORY
from tests.live.filming import VIEW

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_readme_opens_with_a_film_of_the_page():
    (path,) = re.findall(r"!\[A black sticker is dragged .*\]\((\S+\.webp)\)", README.partition("## Start")[0])
    assert (REPOSITORY / path).stat().st_size <= 2_000_000
    with Image.open(REPOSITORY / path) as film:
        assert film.format == "WEBP"
        assert film.size == (VIEW["width"], VIEW["height"])
        assert film.n_frames > 20
