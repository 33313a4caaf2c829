"""Numbers with units: read, and refused in a sentence."""

import pytest

from sparring.errors import UsageError
from sparring.physical.scene.units import Range, parse_range, parse_value


def test_units_become_ours():
    assert parse_range("30..60 cm", "length", "distance") == Range(300, 600)
    assert parse_range("-20..20 deg", "angle", "yaw") == Range(-20, 20)
    assert parse_value("2 in", "length", "side") == pytest.approx(50.8)
    assert parse_range("300 dpi", "resolution", "dots").low == pytest.approx(11.811, abs=1e-3)
    assert parse_value("5 %", "share", "noise") == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("300..600", "has no unit"),
        ("300..600 kg", "is in kg"),
        ("20 deg", "is a length in mm, cm, m or in"),
        ("600..300 mm", "exchange the two numbers"),
        ("about 3 mm", "is written as"),
        (30, "is written as"),
    ],
)
def test_what_makes_no_sense_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        parse_range(text, "length", "distance")


def test_one_value_is_no_range():
    with pytest.raises(UsageError, match="is one value"):
        parse_value("1..2 mm", "length", "side")
