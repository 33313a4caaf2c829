"""A run folder that was changed by hand, or put together from two, is told from a whole one."""

import json

import pyarrow as pa
import pytest
import torch

from sparring.storage import Run, load_run, save_run
from sparring.storage.checking import contradictions
from tests.reports.runs import make_run


@pytest.fixture
def run(tmp_path):
    return save_run(_whole(), tmp_path / "run")


def _whole():
    """The made-up run, its tensors in the order of its records, clean errors without a break."""
    run = make_run(40)
    correct = sum(status != "clean_error" for status in run.records["status"].to_pylist())
    return Run(run.result | {"clean_correct": correct}, run.records, run.attempts, run.tensors)


def _with(run, column, change):
    place = run.records.schema.get_field_index(column)
    field = run.records.schema.field(column)
    values = change(run.records[column].to_pylist())
    records = run.records.set_column(place, field, pa.array(values, field.type))
    return Run(run.result, records, run.attempts, run.tensors, run.folder)


def test_a_whole_run_has_no_contradiction(run):
    assert contradictions(load_run(run.folder)) == []


def test_a_file_that_was_changed_shows_by_its_digest(run):
    other = save_run(make_run(40, seed=1), run.folder.parent / "other")
    for name in ("attempts.parquet", "adversarial.safetensors"):
        (run.folder / name).write_bytes((other.folder / name).read_bytes())
    found = contradictions(load_run(run.folder))
    assert [line.split()[0] for line in found[:2]] == ["attempts.parquet", "adversarial.safetensors"]


def test_the_digests_are_those_that_sha256sum_reads(run):
    import subprocess

    done = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=run.folder, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.count("OK") == 3


def test_a_lost_example_shows(run):
    tensors = {
        name: value[:-1] if name in ("index", "adversarial") else value for name, value in run.tensors.items()
    }
    found = contradictions(Run(run.result, run.records, run.attempts, tensors))
    assert "1 broken samples have no adversarial example" in found


def test_an_example_of_nobody_shows(run):
    tensors = run.tensors | {"index": run.tensors["index"].clone()}
    tensors["index"][0] = 999
    found = contradictions(Run(run.result, run.records, run.attempts, tensors))
    assert "1 adversarial examples belong to no broken sample" in found


def test_values_that_are_no_numbers_show(run):
    adversarial = run.tensors["adversarial"].clone()
    adversarial[0, 0, 0, 0] = torch.nan
    found = contradictions(
        Run(run.result, run.records, run.attempts, run.tensors | {"adversarial": adversarial})
    )
    assert found == ["1 adversarial examples have values that are not numbers"]


CHANGES = {
    "distance": (
        lambda values: [None if value is None else 3 * value for value in values],
        "beyond linf:8/255",
    ),
    "verified": (lambda values: [False] * len(values), "were not verified"),
    "prediction": (lambda values: [11, *values[1:]], "clean prediction contradicts"),
    "id": (lambda values: ["a", *values[1:]], "were attacked that the records do not have"),
    "attack": (lambda values: ["x" if value else value for value in values], "that has no such attempt"),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_record_that_was_changed_shows(run, column):
    change, words = CHANGES[column]
    assert words in " ".join(contradictions(_with(run, column, change)))


def test_counts_that_were_changed_show(run):
    path = run.folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"clean_correct": 40}))
    assert "counts 40 samples that are correct" in " ".join(contradictions(load_run(run.folder)))
