import pyarrow as pa

from sparring.reports.stages import stages
from sparring.storage import Run
from tests.reports.runs import STAGES, made_up, make_run


def test_stages_count_what_happened():
    fates = [fate for fate in made_up(200, 10, seed=0) if fate.status != "clean_error"]
    left = len(fates)
    for line, name in zip(stages(make_run(200)), STAGES, strict=True):
        hits = sum(fate.stage == name for fate in fates)
        assert (line.name, line.tried, line.broken, line.unbroken) == (name, left, hits, left - hits)
        left -= hits
    assert left == sum(fate.status == "robust" for fate in fates)


def test_a_sample_counts_once_however_often_it_is_broken():
    run = make_run(60)
    again = pa.concat_tables([run.attempts, run.attempts])
    once, twice = stages(run), stages(Run(run.result, run.records, again))
    assert [(line.tried, line.broken, line.unbroken) for line in once] == [
        (line.tried, line.broken, line.unbroken) for line in twice
    ]
    assert [2 * line.passes for line in once] == [line.passes for line in twice]


def test_passes_are_forwards_and_backwards_of_all_attempts():
    run = make_run(60)
    backwards = [[7] * run.attempts.num_rows]
    changed = run.attempts.set_column(
        run.attempts.schema.get_field_index("backwards"), "backwards", backwards
    )
    forwards = sum(run.attempts["forwards"].to_pylist())
    lines = stages(Run(run.result, run.records, changed))
    assert sum(line.passes for line in lines) == forwards + 7 * run.attempts.num_rows


def test_a_success_that_was_not_confirmed_breaks_nothing():
    run = make_run(60)
    place = run.attempts.schema.get_field_index("outcome")
    boasting = run.attempts.set_column(place, "outcome", [["broken"] * run.attempts.num_rows])
    lines = stages(Run(run.result, run.records, boasting))
    assert sum(line.broken for line in lines) == run.records["status"].to_pylist().count("broken")
    assert lines[-1].unbroken == run.result["robust"]


def test_a_stage_that_nobody_reached_is_listed_with_zeros():
    run = make_run(20)
    run.result["suite"]["stages"].append({"name": "late", "attack": "late"})
    last = stages(run)[-1]
    assert (last.name, last.settings, last.tried, last.broken, last.passes) == ("late", "late", 0, 0, 0)
    assert last.unbroken == run.result["robust"]


def test_settings_are_said_in_words():
    run = make_run(5)
    run.result["suite"]["stages"][0].update(steps=100, aims=9, restarts=5)
    assert stages(run)[0].settings == "apgd, 100 steps, 9 aims, 5 restarts"
    assert stages(run)[1].settings == "apgd, 100 steps"
