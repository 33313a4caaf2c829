"""Scenario files, and what is drawn from them."""

import pytest
import torch

from sparring.errors import UsageError
from sparring.physical.scene.quantities import PHASES, QUANTITIES
from sparring.physical.scene.scenario import BUILT_IN, load_scenario

KEYS = [f"photo {photo}" for photo in range(200)]
FILE = """
schema = 1
[view]
distance = "30..60 cm"
yaw = "-20..20 deg"
[camera]
long_side = "3000 px"
field = "60 deg"
"""


@pytest.fixture
def own(tmp_path):
    def write(text=FILE):
        path = tmp_path / "own.toml"
        path.write_text(text)
        return load_scenario(path)

    return write


@pytest.mark.parametrize("name", BUILT_IN)
def test_draws_fill_the_ranges_and_never_leave_them(name):
    scenario = load_scenario(name)
    draw = scenario.draw(KEYS)
    assert set(draw) == {each.name for each in QUANTITIES} | set(PHASES)
    for quantity in QUANTITIES:
        ((low, high),) = ((each.low, each.high) for each in scenario.ranges[quantity.name])
        values = draw[quantity.name].double()
        assert (values >= low - 1e-4 * abs(low)).all() and (values <= high + 1e-4 * abs(high)).all()
        assert values.max() - values.min() >= 0.9 * (high - low)


def test_a_key_is_drawn_the_same_in_any_company():
    scenario = load_scenario("phone-indoors")
    together, alone = scenario.draw(KEYS), scenario.draw(KEYS[7:8])
    assert all(torch.equal(together[name][7:8], alone[name]) for name in together)
    assert not torch.equal(scenario.draw(KEYS, seed=1)["yaw"], together["yaw"])


def test_beyond_lies_outside_on_both_sides_and_within_what_is_possible():
    scenario = load_scenario("phone-indoors")
    outside = scenario.beyond()
    yaw = outside.draw(KEYS)["yaw"]
    assert (yaw.abs() >= 25).all() and (yaw.abs() <= 37.5).all() and (yaw > 0).any() and (yaw < 0).any()
    shadow = outside.draw(KEYS)["shadow"]
    assert (shadow >= 0.4).all() and (shadow <= 0.5 + 1e-6).all()  # there is no less than none


def test_a_file_of_ones_own_has_defaults_that_change_nothing(own):
    draw = own().draw(KEYS)
    assert draw["distance"].min() >= 300 and draw["distance"].max() <= 600
    assert (draw["dot_gain"] == 0).all() and (draw["saturation"] == 1).all() and (draw["jpeg"] == 100).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('yaw = "-20..20 deg"', 'yaw = "-20..20"'), "has no unit"),
        (('yaw = "-20..20 deg"', 'yaw = "0..100 deg"'), "impossible.*between -75 and 75"),
        (('"30..60 cm"', '"30..60 kg"'), "is in kg"),
        (('"30..60 cm"', '"-3..60 cm"'), "impossible"),
        (("yaw =", "yaww ="), 'no place for "yaww".*did you mean "yaw"'),
        (("[view]", "[vew]"), r"no place for \[vew\]"),
        (("schema = 1", "schema = 2"), "must begin with: schema = 1"),
        (('field = "60 deg"', ""), "does not say field"),
        (('field = "60 deg"', "field ="), "no TOML"),
    ],
)
def test_impossible_files_are_refused_with_the_place(own, change, said):
    with pytest.raises(UsageError, match=said):
        own(FILE.replace(*change))


def test_a_name_that_is_none_is_told_what_there_is():
    with pytest.raises(UsageError, match='did you mean "scanner"'):
        load_scenario("scaner")
