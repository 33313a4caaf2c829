"""Intervals over clusters, tallies, warnings."""

import pytest
import torch

from sparring.errors import UsageError
from sparring.physical.runs.clustered import clustered_interval
from sparring.physical.runs.print_warnings import print_warnings
from sparring.physical.runs.tally import Look, tallied
from sparring.physical.runs.views import views_of
from sparring.physical.scene.scenario import load_scenario
from sparring.physical.scene.shot import Shot
from tests.physical.small import placement


def test_clusters_widen_an_interval():
    successes = [True] * 40 + [False] * 40
    own = clustered_interval(successes, range(80))
    shared = clustered_interval(successes, [row // 20 for row in range(80)])
    assert shared.high - shared.low > 1.5 * (own.high - own.low)


def test_what_only_divides_clusters_adds_nothing():
    successes = [row % 3 == 0 for row in range(60)]
    objects, photos = [row // 6 for row in range(60)], list(range(60))
    assert clustered_interval(successes, objects, photos) == clustered_interval(successes, objects)
    crossed = clustered_interval(successes, objects, [row % 6 for row in range(60)])
    assert crossed != clustered_interval(successes, objects)


def test_what_always_agrees_gets_the_exact_interval_of_its_clusters():
    interval = clustered_interval([True] * 100, [row % 5 for row in range(100)], range(100))
    assert (interval.low, interval.high) == (pytest.approx(0.025**0.2), 1)  # Clopper-Pearson, 5 of 5


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    draws, hits = torch.Generator().manual_seed(0), 0
    for repeat in range(60):
        rates = torch.rand(15, generator=draws)
        looks = torch.rand(15, 8, generator=draws) < rates[:, None]
        interval = clustered_interval(looks.flatten().tolist(), [row // 8 for row in range(120)], seed=repeat)
        hits += interval.low <= 0.5 <= interval.high
    assert hits >= 50


def test_no_trials_have_no_interval():
    with pytest.raises(UsageError, match="at least one trial"):
        clustered_interval([], [])


def test_tallies_are_by_level_and_arm():
    looks = [
        Look(1, arm, f"object {row}", f"photo {row}", row, success)
        for arm, success in (("patch", True), ("grey", False))
        for row in range(4)
    ]
    patch, grey = tallied(looks)
    assert (patch.arm, patch.successes, patch.looks, patch.share) == ("patch", 4, 4, 1.0)
    assert (grey.arm, grey.successes, grey.high < 0.7) == ("grey", 0, True)


def test_warnings_name_what_will_be_lost():
    red, grey = torch.zeros(3, 4, 4), torch.full((3, 4, 4), 0.5)
    red[0] = 1
    scanner = load_scenario("scanner")
    assert print_warnings(grey, placement(), scanner, 16) == []
    (gamut,) = print_warnings(red, placement(), scanner.having(saturation=0.5), 16)
    assert "100% of the features have colours" in gamut
    far = scanner.having(distance=100_000.0)
    assert "too few pixels for the pattern" in print_warnings(grey, placement(), far, 16)[0]
    assert "pixels of the model's input" in print_warnings(grey, placement(feature=1), scanner, 16)[0]


def test_views_sort_photos_by_resolution_angle_and_light():
    shots = [
        Shot(f"photo {row}", 1, scale, tilt, None, light, True, ())
        for row, (scale, tilt, light) in enumerate([(0.5, 5, 0.9), (3, 25, 0.9), (3, 25, 0.3)])
    ]
    looks = [
        Look(4, arm, "one", f"photo {row}", 0, row == 0) for row in range(3) for arm in ("patch", "grey")
    ]
    found = {
        (each.kind, each.where): (each.successes, each.looks) for each in views_of(shots, looks, "patch")
    }
    assert found == {
        ("pixels per mm", "below 1"): (1, 1),
        ("pixels per mm", "2 to 4"): (0, 2),
        ("turned away", "below 10°"): (1, 1),
        ("turned away", "20 to 30°"): (0, 2),
        ("white paper", "25 to 50%"): (0, 1),
        ("white paper", "75% and more"): (1, 2),
    }
