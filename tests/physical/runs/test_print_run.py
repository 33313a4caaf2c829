"""A whole run: made, stored, printed, rendered, scored, shown."""

import dataclasses
import json
import sys

import pytest
import torch
from torch import nn

import sparring
from sparring.errors import DataError, MissingExtraError, ModelError, UsageError
from sparring.models import load_model
from sparring.physical import (
    Setting,
    load_print_run,
    load_scenario,
    make_print_run,
    rehearse_run,
    save_print_run,
    score_photos,
    write_sheets,
)
from sparring.reports.rooms.on_paper import paper_summary, render_paper
from tests.physical.small import net, pictures, placement, small_run

cv2 = pytest.importorskip("cv2")
pytest.importorskip("reportlab")
pytest.importorskip("pypdfium2")
cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def run():
    return small_run()


@pytest.fixture(scope="module")
def printed(run, tmp_path_factory):
    """The run on paper, and a simulated capture of its one sheet."""
    folder = tmp_path_factory.mktemp("run")
    written, _ = write_sheets(run, folder, objects=1, arms=("none", "patch"))
    place = load_scenario("scanner").having(long_side=1854.0)
    return written, rehearse_run(written, folder / "simulated", place)


def shares(run):
    return {(each["level"], each["arm"]): each["successes"] / each["looks"] for each in run.facts["levels"]}


def test_the_patch_beats_its_controls_at_every_level(run):
    found = shares(run)
    assert {level for level, _ in found} == {0, 1, 2, 3}
    for level in range(4):
        assert found[level, "patch"] >= 0.5 + max(found[level, arm] for arm in ("none", "grey", "random"))


def test_objects_of_the_target_and_those_that_are_wrong_anyway_are_left_out(run):
    assert 2 not in run.labels.tolist() and len(run.names) == 4


def test_a_run_is_the_same_after_storing(run, tmp_path):
    save_print_run(run, tmp_path)
    again = load_print_run(tmp_path)
    assert again.facts == run.facts and again.envelope["kind"] == "physical"
    assert torch.equal(again.arms["patch"], run.arms["patch"]) and again.arms["none"] is None
    assert again.scenario.ranges == load_scenario("scanner").ranges and again.number == run.number


def test_sheets_belong_to_their_run_and_are_scored(printed):
    run, photos = printed
    scores = score_photos(run, photos, load_model(net()))
    assert [(look.level, look.arm, look.success) for look in scores.looks] == [
        (4, "none", False),
        (4, "patch", True),
    ]
    (shot,) = scores.shots
    assert shot.simulated and shot.sheet == 1 and shot.tilt < 2 and 5 < shot.pixels_per_mm < 7
    assert scores.run.captured.shape == (2, 3, 16, 16) and shares(scores.run)[4, "patch"] == 1
    again = score_photos(scores.run, photos, load_model(net()))
    assert again.run.facts["levels"] == scores.run.facts["levels"]


def test_what_cannot_be_used_costs_only_itself(printed, tmp_path):
    run, photos = printed
    (tmp_path / "text.jpg").write_text("no picture")
    scores = score_photos(run, [tmp_path / "text.jpg", *photos], load_model(net()))
    assert len(scores.shots) == 1 and "text.jpg is no picture" in scores.refused[0]
    with pytest.raises(DataError, match="none of 1 photos can be used"):
        score_photos(run, [tmp_path / "text.jpg"], load_model(net()))


def test_a_model_of_another_size_is_refused(printed):
    run, photos = printed
    other = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
    with pytest.raises(ModelError, match="for models of 16 x 16 RGB inputs"):
        score_photos(run, photos, load_model(other))


def test_a_run_without_sheets_cannot_be_scored_or_rehearsed(run, tmp_path):
    with pytest.raises(DataError, match="no sheets yet"):
        score_photos(run, [tmp_path / "a.jpg"], load_model(net()))
    with pytest.raises(DataError, match="no sheets yet"):
        rehearse_run(run, tmp_path, load_scenario("scanner"))
    with pytest.raises(UsageError, match=r"no arm 'gray'.*\"grey\""):
        write_sheets(run, tmp_path, arms=("gray",))


def test_folders_that_hold_no_run_are_named(run, tmp_path):
    with pytest.raises(DataError, match="holds no run on paper"):
        load_print_run(tmp_path)
    (tmp_path / "result.json").write_text('{"kind": "audit"}')
    with pytest.raises(DataError, match="holds no run on paper"):
        load_print_run(tmp_path)
    (tmp_path / "result.json").write_text("{half")
    with pytest.raises(DataError, match="damaged"):
        load_print_run(tmp_path)
    save_print_run(run, tmp_path)
    (tmp_path / "prints.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match="damaged"):
        load_print_run(tmp_path)


@pytest.mark.parametrize(
    ("change", "data", "error", "said"),
    [
        ({"target": 7}, pictures(), UsageError, "classes 0 to 2"),
        ({}, (torch.rand(4, 3, 8, 10), torch.zeros(4).long()), DataError, "square"),
        ({}, (torch.rand(4, 5), torch.zeros(4).long()), DataError, "square"),
        ({"target": 0}, (pictures(3)[0][:1], torch.zeros(1).long()), DataError, "none is left"),
    ],
)
def test_data_and_targets_that_make_no_sense_are_refused(change, data, error, said):
    samples = sparring.load_data(data)
    setting = dataclasses.replace(Setting(placement(), load_scenario("scanner")), **change)
    model = load_model(
        net()
        if samples.domain.shape == (3, 16, 16)
        else nn.Sequential(nn.Flatten(), nn.Linear(samples.inputs[0].numel(), 3))
    )
    with pytest.raises(error, match=said):
        make_print_run(model, samples, samples, setting)


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        ("cv2", lambda run, folder: small_run(steps=10**9)),  # told before the training
        ("reportlab.pdfgen.canvas", lambda run, folder: write_sheets(run, folder, objects=1)),
        ("pypdfium2", lambda run, folder: write_sheets(run, folder, objects=1)),
    ],
)
def test_a_missing_extra_is_told_with_the_command_that_brings_it(run, tmp_path, monkeypatch, missing, asked):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[physical\]'"):
        asked(run, tmp_path)


def test_a_model_of_another_input_size_is_refused(printed):
    run, photos = printed
    other = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
    with pytest.raises(ModelError, match="for models of 16 x 16 RGB inputs, but"):
        score_photos(run, photos, load_model(other))


def test_the_report_stands_alone_and_never_calls_simulated_things_physical(printed):
    run, photos = printed
    scored = score_photos(run, photos, load_model(net())).run
    page = render_paper(scored)
    assert page.startswith("<!DOCTYPE html>") and "simulated capture" in page and "<script" not in page
    assert "photos and scans of real prints, is physical" in page and page.count("data:image/png") >= 4
    assert "5 capture" not in page
    assert paper_summary(scored).row_count == len(run.arms)
    json.dumps(scored.facts)
