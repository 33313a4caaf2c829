import re

import pytest

from sparring.reports.curves import plot
from tests.reports.runs import make_run


def with_curve(passes, robust, samples=10, correct=8):
    run = make_run(samples)
    run.result.update(clean_correct=correct, curve={"passes": passes, "robust": robust})
    return run


def corners(path):
    """The corners of a staircase as (x, y)."""
    x, y = map(float, re.match(r"M(\S+?) ([\d.]+)", path).groups())
    found = [(x, y)]
    for letter, number in re.findall(r"([HV])([\d.]+)", path):
        x, y = (float(number), y) if letter == "H" else (x, float(number))
        found.append((x, y))
    return found


def test_the_staircase_goes_across_and_then_down_to_the_right_places():
    line = plot([with_curve([1, 10, 100], [8, 5, 2])]).lines[0]
    # accuracy 80% until 10 passes, 50% until 100, 20% then; down the page is down in accuracy
    assert corners(line.path) == [(0, 20), (50, 20), (50, 50), (100, 50), (100, 80)]
    assert (line.start, line.end) == (20, 80)


def test_the_curve_begins_at_clean_accuracy_and_ends_at_robust_accuracy():
    run = make_run(200)
    line = plot([run]).lines[0]
    assert line.start == pytest.approx(100 - 100 * run.clean_accuracy, abs=0.05)
    assert line.end == pytest.approx(100 - 100 * run.robust_accuracy, abs=0.05)


def test_no_curve_ever_climbs():
    run = make_run(500)
    heights = [y for _, y in corners(plot([run]).lines[0].path)]
    assert heights == sorted(heights)
    assert len(set(heights)) > 20


def test_runs_share_their_axes_and_reach_the_right_edge():
    drawn = plot([with_curve([10], [5]), with_curve([1000], [5])])
    first, second = (corners(line.path) for line in drawn.lines)
    assert first[-1][0] == second[-1][0] == 100
    assert first[1][0] == pytest.approx(33.3)
    assert [tick.text for tick in drawn.across] == ["1", "10", "100", "1,000"]


def test_short_axes_get_ticks_between():
    assert [tick.text for tick in plot([with_curve([25], [5])]).across] == ["1", "2", "5", "10", "20"]


def test_ten_thousand_breaks_stay_small():
    run = with_curve(list(range(1, 10_001)), list(range(10_000, 0, -1)), samples=10_000, correct=10_000)
    assert len(plot([run]).lines[0].path) < 20_000


def test_without_a_curve_there_is_no_plot():
    assert plot([with_curve([], [])]) is None
    assert plot([with_curve([1], [8]), with_curve([], [])]) is None
