"""What draw_sign drew when it was last looked at: `python -m tests.data.golden` draws it anew after a wanted change."""

from pathlib import Path

from PIL import Image

from xaisigns.data.drawn.sign import draw_sign

FILE = Path(__file__).with_suffix(".png")
_SIZE, _COLUMNS = 32, 9


def golden_sheet() -> Image.Image:
    """All 43 classes, each in a scene of its own, side by side."""
    sheet = Image.new("RGB", (_COLUMNS * _SIZE, 5 * _SIZE))
    for class_id in range(43):
        row, column = divmod(class_id, _COLUMNS)
        sheet.paste(draw_sign(class_id, _SIZE, seed=class_id).image, (column * _SIZE, row * _SIZE))
    return sheet


if __name__ == "__main__":
    golden_sheet().save(FILE)
