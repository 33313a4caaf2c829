import pytest
import torch

from sparring.errors import UsageError
from sparring.reports import render_comparison
from sparring.reports.comparison import matches
from sparring.storage import Run
from tests.reports.runs import make_run
from tests.reports.test_html import EVIL, LIMIT, Reader
from tests.reports.test_pictures import pixels


def named(run, name):
    return Run(run.result | {"model": {"name": name}}, run.records, run.attempts, run.tensors)


@pytest.fixture(scope="module")
def runs():
    return [named(make_run(80, seed=1), "plain"), named(make_run(80, seed=2), "robust")]


def test_both_numbers_come_first(runs):
    text = Reader(render_comparison(runs)).text
    text = text[text.index("Side by side under") :]
    for run in runs:
        assert text.index(f"{run.robust_accuracy:.1%}"[:-1]) < text.index("What it means")
    assert text.index("plain") < text.index("robust")


def test_the_page_is_well_formed_escaped_and_small(runs):
    page = render_comparison([named(runs[0], EVIL), runs[1]])
    read = Reader(page)
    assert read.open == []
    assert "script" not in read.tags
    assert len(page.encode()) < LIMIT
    assert page.count('class="line line') == 2


def test_every_row_was_right_everywhere_and_broken_somewhere(runs):
    rows = matches(runs, 1_000_000)
    assert 3 <= len(rows) <= 8
    for row in rows:
        statuses = [answer.status for answer in row.answers]
        assert set(statuses) <= {"broken", "robust"}
        assert "broken" in statuses
        assert [bool(answer.pictures) for answer in row.answers] == [
            status == "broken" for status in statuses
        ]
    assert any("robust" in [answer.status for answer in row.answers] for row in rows)


def test_samples_are_paired_by_id_and_not_by_place(runs):
    first, second = runs
    shift = 1000
    records = second.records.set_column(
        1, "index", [[place + shift for place in second.records["index"].to_pylist()]]
    )
    tensors = second.tensors | {name: second.tensors[name] + shift for name in ("index", "gallery_index")}
    moved = Run(second.result, records, second.attempts, tensors)
    assert matches([first, moved], 1_000_000) == matches(runs, 1_000_000)


def test_pictures_are_those_of_the_sample(runs):
    flat = [Run(run.result, run.records, run.attempts, dict(run.tensors)) for run in runs]
    for run in flat:
        shades = run.tensors["index"] / 100  # every adversarial picture gets a grey of its own
        run.tensors["adversarial"] = shades[:, None, None, None].expand_as(run.tensors["adversarial"])
    ids = [row["label"] for row in flat[0].records.to_pylist()]
    for row in matches(flat, 1_000_000):
        greys = {pixels(answer.pictures[1]).flat[0] for answer in row.answers if answer.pictures}
        (grey,) = greys  # the same sample in both runs
        assert flat[0].result["data"]["classes"][ids[round(grey / 2.55)]] == row.label


def test_runs_without_common_pictures_have_no_pictures(runs):
    table = make_run(20, shape=(7,))
    assert matches([runs[0], table], 1_000_000) == []
    assert Reader(render_comparison([runs[0], table])).open == []
    bare = Run(runs[0].result, runs[0].records, runs[0].attempts)
    assert matches([bare, bare], 1_000_000) == []


def test_large_pictures_stay_below_two_megabytes():
    first, second = make_run(60, shape=(3, 224, 224), seed=1), make_run(60, shape=(3, 224, 224), seed=2)
    for run in (first, second):
        run.tensors["adversarial"] = torch.rand_like(run.tensors["adversarial"])
    assert len(render_comparison([first, second]).encode()) < LIMIT


def test_one_run_is_not_a_comparison(runs):
    with pytest.raises(UsageError, match="at least two"):
        render_comparison(runs[:1])
