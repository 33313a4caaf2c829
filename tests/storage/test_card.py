"""The card of a notebook: verdict first, no stranger's HTML, readable colours."""

import re

import pytest

from tests.reports.gated import EVIL, gated, named
from tests.reports.runs import make_run

VERDICTS = ("measured", "pass", "fail", "inconclusive", "invalid", "incomplete")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_comes_first_in_a_colour_that_carries_white(verdict):
    html = make_run(40, verdict=verdict)._repr_html_()
    assert re.search(r">([^<\s]+)<", html).group(1) == verdict
    colour = re.search(r"background:#(\w{6})", html).group(1)
    assert 1.05 / (_luminance(colour) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def _luminance(colour):
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_interval_is_there_if_there_is_one():
    assert "(20.1% to 31.2%)" in make_run(40)._repr_html_()
    assert " to " not in make_run(40, interval=None)._repr_html_()


def test_at_most_three_reasons_are_given_and_none_is_long():
    html = make_run(40, reasons=["first", "second", "x" * 10_000, "fourth"])._repr_html_()
    assert "first" in html and "second" in html and "fourth" not in html and len(html) < 2_500


def test_strangers_cannot_write_html():
    html = named(gated("fail"), EVIL)._repr_html_()
    assert "<img" not in html and "&lt;img" in html
