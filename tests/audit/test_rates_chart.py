"""Rates beside their controls as bars."""

import pytest
from matplotlib.figure import Figure

from xaisigns.audit.rates_chart import chart_rows, draw_rates
from xaisigns.audit.wording import rate_groups, rate_text


@pytest.mark.parametrize("language", ["de", "en"])
def test_bars_are_as_long_as_shares_and_lines_as_intervals(shortcut, language):
    groups = rate_groups(shortcut, language)
    axes = Figure().add_axes((0, 0, 1, 1))
    draw_rates(axes, groups, language)
    rows = [row for group in groups for row in group.rows]
    assert [bar.get_width() for bar in axes.patches] == [row.rate.share for row in rows]
    lines = [tuple(line.get_xdata()) for line in axes.lines]
    assert [line for line in lines if line != (0, 0)] == [row.rate.interval for row in rows]
    colours = {bar.get_facecolor() for bar, row in zip(axes.patches, rows, strict=True) if row.control}
    assert len(colours) == 1
    assert colours.isdisjoint(
        bar.get_facecolor() for bar, row in zip(axes.patches, rows, strict=True) if not row.control
    )
    texts = [text.get_text() for text in axes.texts]
    assert {rate_text(row.rate, language) for row in rows} <= set(texts)
    assert len(texts) == len(groups) + 2 * len(rows)
    assert chart_rows(groups) == len(groups) + len(rows)
    assert len({text.get_position()[1] for text in axes.texts}) == chart_rows(groups)
