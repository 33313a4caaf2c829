import pytest

from sparring.reports import words
from sparring.storage import Run
from tests.reports.runs import make_run


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [
        (0, 10, "0.0%"),
        (10, 10, "100.0%"),
        (9999, 10_000, "99.990%"),
        (1, 10_000, "0.010%"),
        (65, 256, "25.4%"),
        (0, 0, "n/a"),
    ],
)
def test_all_and_none_are_said_only_of_all_and_none(count, total, text):
    assert words.percent(count, total) == text


def test_the_meaning_says_every_number_once():
    run = make_run(60)
    statuses = run.records["status"].to_pylist()
    text = words.meaning(run)
    assert text.startswith(f"Of 60 images, {60 - statuses.count('clean_error')} are classified correctly")
    assert f"an attacker turns {statuses.count('broken')} of them" in text
    assert f"{statuses.count('robust')} ({statuses.count('robust') / 60:.1%} of all) withstood" in text
    assert "every pixel may change by at most 8 of 255 grey levels" in text
    assert "upper bound" in text


def test_one_image_is_not_one_images():
    assert words.noun(make_run(1), 1) == "1 image"
    assert words.noun(make_run(2, shape=(12,)), 2000) == "2,000 samples"


def test_samples_that_were_not_settled_are_told():
    run = make_run(10)
    statuses = ["unfinished", "gave_up", *run.records["status"].to_pylist()[2:]]
    place = run.records.schema.get_field_index("status")
    records = run.records.set_column(place, "status", [statuses])
    text = words.meaning(Run(run.result, records, run.attempts))
    assert "suite standard was not tried on 1 of these" in text
    assert "1 not finished" in text


@pytest.mark.parametrize(
    ("label", "name"), [(0, "airplane"), (10, "class 10"), (-1, "class -1"), (None, "?")]
)
def test_a_class_without_a_name_has_its_number(label, name):
    assert words.class_name(make_run(1), label) == name


def test_the_interval_or_why_there_is_none():
    assert words.interval(make_run(2)).startswith("95% interval: 20.1% to 31.2% (Clopper-Pearson).")
    assert words.interval(make_run(2, interval=None, interval_note="The first 2.")) == "The first 2."
    assert "not drawn at random" in words.interval(make_run(2, interval=None, interval_note=None))


def test_breaks_that_were_not_verified_are_told():
    run = make_run(60)
    assert words.verified(run).startswith("Every break was verified")
    place = run.records.schema.get_field_index("verified")
    doubtful = run.records.set_column(place, "verified", [[False] * 60])
    broken = run.records["status"].to_pylist().count("broken")
    assert words.verified(Run(run.result, doubtful, run.attempts)).startswith(f"Only 0 of {broken} breaks")
