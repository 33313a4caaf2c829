import pyarrow.compute as pc
import pytest
import torch

from sparring.reports.gallery import distance, gallery
from sparring.storage import Run
from tests.reports.runs import EPS, make_run


def test_the_gallery_shows_what_was_broken_the_nearest_first():
    run = make_run(60)
    exhibits = gallery(run)
    records = {row["index"]: row for row in run.records.to_pylist()}
    shown = [records[exhibit.index] for exhibit in exhibits]
    assert all(row["status"] == "broken" for row in shown)
    assert [row["distance"] for row in shown] == sorted(row["distance"] for row in shown)
    assert len({exhibit.label for exhibit in exhibits}) > 3
    assert all(exhibit.label != exhibit.prediction for exhibit in exhibits)


def test_pictures_belong_to_their_records():
    run = make_run(60)
    turned = {
        name: value.flip(0) if name.startswith("gallery") else value for name, value in run.tensors.items()
    }
    assert gallery(Run(run.result, run.records, run.attempts, turned)) == gallery(run)


def test_clean_mistakes_are_never_shown():
    run = make_run(60)
    wrong = run.records.filter(pc.equal(run.records["status"], "clean_error"))["index"].to_pylist()[:3]
    tensors = run.tensors | {
        "gallery_index": torch.tensor([*wrong, *run.tensors["gallery_index"][3:].tolist()])
    }
    assert not {
        exhibit.index for exhibit in gallery(Run(run.result, run.records, run.attempts, tensors))
    } & set(wrong)


def test_a_short_budget_shrinks_pictures_and_then_the_gallery():
    run = make_run(60, shape=(3, 160, 160))
    rows, sizes = [], []
    for budget in (500_000, 100_000, 10):
        exhibits = gallery(run, budget)
        rows.append(len(exhibits))
        sizes.append(sum(len(picture.uri) for exhibit in exhibits for picture in exhibit.pictures))
        assert sizes[-1] <= budget
    assert rows == sorted(rows, reverse=True)
    assert rows[0] >= 12
    assert rows[-1] == 0


@pytest.mark.parametrize("shape", [(12,), (1, 8000), (4, 6, 6)], ids=str)
def test_other_data_show_the_largest_changes(shape):
    run = make_run(30, shape=shape)
    for exhibit in gallery(run):
        assert exhibit.pictures == ()
        assert 1 <= len(exhibit.changes) <= 6
        sizes = [abs(float(change.delta)) for change in exhibit.changes]
        assert sizes == sorted(sizes, reverse=True)


def test_a_change_names_its_feature_and_its_direction():
    run = make_run(30, shape=(2, 5))
    run.tensors["gallery_inputs"][:] = 0.5
    run.tensors["gallery_adversarial"][:] = 0.5
    run.tensors["gallery_adversarial"][:, 1, 3] = 0.25
    (change,) = gallery(run)[0].changes
    assert (change.feature, change.before, change.after, change.delta) == ("1, 3", "0.5", "0.25", "-0.25")


def test_without_tensors_there_is_no_gallery():
    run = make_run(10)
    assert gallery(Run(run.result, run.records, run.attempts)) == []


def test_distances_are_in_the_units_that_the_threat_counts():
    run = make_run(2)
    assert distance(run, EPS) == "8 grey levels"
    assert distance(run, None) == distance(run, float("nan")) == "n/a"
    assert distance(make_run(2, threat=run.result["threat"] | {"norm": "l2"}), 0.5) == "L2 0.5"
    assert distance(make_run(2, shape=(7,)), 0.5) == "L∞ 0.5"
