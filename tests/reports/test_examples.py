"""Adversarial examples as files, and what lies beside them."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from PIL import Image

from sparring.errors import DataError, UsageError
from sparring.reports import export_examples
from sparring.storage import load_run, save_run
from tests.reports.gated import EVIL, named
from tests.reports.runs import make_run

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def with_levels(run, channels=3):
    """`run`, every second broken sample of which breaks by whole grey levels too; distances and answers are told."""
    index = run.tensors["index"][::2]
    levels = torch.randint(
        0, 256, (len(index), channels, 5, 7), generator=torch.Generator().manual_seed(0)
    ).byte()
    more = {"grid_index": index, "grid_adversarial": levels, "grid_prediction": index % 10}
    return replace(run, tensors=run.tensors | more | {"grid_distance": index.double() / 1000})


@pytest.fixture(params=MODES)
def run(request):
    return with_levels(make_run(40, shape=(request.param, 5, 7)), request.param)


def _said(path):
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def test_what_can_be_stored_is_a_png_of_these_levels_and_the_rest_is_exact(run, tmp_path):
    exact = dict(zip(run.tensors["index"].tolist(), run.tensors["adversarial"], strict=True))
    levels = dict(zip(run.tensors["grid_index"].tolist(), run.tensors["grid_adversarial"], strict=True))
    paths = export_examples(run, tmp_path / "examples")
    assert len(paths) == len(exact) > len(levels) > 3
    for path in paths:
        index = _said(path)["sample"]["index"]
        if path.suffix == ".png":
            image = Image.open(path)
            assert image.mode == MODES[len(levels[index])]
            read = torch.from_numpy(np.array(image)).reshape(5, 7, -1).movedim(2, 0)
            assert torch.equal(read, levels.pop(index))
        else:
            with np.load(path) as read:
                assert read["adversarial"].dtype == np.float32
                assert torch.equal(torch.from_numpy(read["adversarial"]), exact[index])
                assert read["label"] == _said(path)["sample"]["label"]
    assert not levels


def test_the_sidecar_tells_where_a_file_comes_from(run, tmp_path):
    saved = save_run(run, tmp_path / "todays-run")
    records = {record["index"]: record for record in saved.records.to_pylist()}
    for path in export_examples(load_run(saved.folder), tmp_path / "examples"):
        said, result = _said(path), run.result
        record = records[said["sample"]["index"]]
        assert (
            said["file"]["sha256"] == sha256(path.read_bytes()).hexdigest()
            and said["file"]["name"] == path.name
        )
        assert said["model"] == {name: result["model"][name] for name in ("name", "source", "digest")}
        assert said["data"] == {name: result["data"][name] for name in ("source", "digest")}
        assert said["run"] == {"folder": "todays-run", "date": result["date"]}
        assert (said["threat"]["text"], said["suite"], said["seed"]) == ("linf:8/255", "standard", 0)
        assert said["stage"] == record["attack"] and said["attack"].startswith(record["attack"].split("-")[0])
        assert said["sample"]["id"] == record["id"] and said["sample"]["label"] == record["label"]
        assert said["engagement"] is None and said["versions"] == result["versions"]
        assert "made to test the model named here" in said["notice"]
        index = record["index"]
        exact = (record["distance"], record["adversarial_prediction"])
        wanted = (index / 1000, index % 10) if path.suffix == ".png" else exact
        assert (said["adversarial"]["distance"], said["adversarial"]["prediction"]) == wanted
        assert ("rounding them" in said["file"]["stored"]) == (path.suffix == ".npz")
        assert ("grey levels" in said["attack"]) == (path.suffix == ".png")


def test_a_png_carries_the_notice_itself(run, tmp_path):
    pictures = [path for path in export_examples(run, tmp_path / "new") if path.suffix == ".png"]
    assert all("made to test the model" in Image.open(path).text["Comment"] for path in pictures)


def test_equal_runs_give_equal_bytes(run, tmp_path):
    first, second = (export_examples(run, tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.name == other.name and one.read_bytes() == other.read_bytes()
        assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()


def test_samples_that_are_no_images_are_exact_values(tmp_path):
    run = make_run(40, shape=(12,))
    flat = torch.zeros(len(run.tensors["index"]), 12).byte()
    stored = {"grid_index": run.tensors["index"], "grid_adversarial": flat}
    stored |= {"grid_distance": flat[:, 0].double(), "grid_prediction": flat[:, 0].long()}
    for made in (run, replace(run, tensors=run.tensors | stored)):
        paths = export_examples(made, tmp_path / str(len(made.tensors)))
        assert {path.suffix for path in paths} == {".npz"} and len(paths) == len(flat)


def test_strangers_words_stay_in_the_sidecar(tmp_path):
    paths = export_examples(named(make_run(20), EVIL), tmp_path / "new")
    assert all(path.parent == tmp_path / "new" and path.stem.count("-") == 3 for path in paths)
    assert _said(paths[0])["model"]["name"] == EVIL


def test_an_engagement_is_named(tmp_path):
    paths = export_examples(make_run(20, engagement={"id": "E-7"}), tmp_path / "new")
    assert _said(paths[0])["engagement"] == {"id": "E-7"}


def test_a_run_that_broke_nothing_has_nothing_to_export(tmp_path):
    run = make_run(20)
    left = run.records.filter(pc.not_equal(run.records["status"], "broken"))
    with pytest.raises(DataError, match="broke no sample"):
        export_examples(replace(run, records=left), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_example_that_is_missing_is_told(tmp_path):
    run = make_run(20)
    with pytest.raises(DataError, match="no adversarial example for sample"):
        export_examples(replace(run, tensors={}), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_an_export_that_went_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr("sparring.reports.examples.np.savez", _full_after(3))
    with pytest.raises(DataError, match="No space left on device"):
        export_examples(make_run(40), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def _full_after(count):
    write, left = np.savez, iter(range(count))

    def savez(path, **parts):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        write(path, **parts)

    return savez


def test_a_disk_that_lies_is_found_out(tmp_path, monkeypatch):
    def savez(path, write=np.savez, **parts):
        write(path, **parts | {"adversarial": parts["adversarial"] + np.float32(1e-6)})

    monkeypatch.setattr("sparring.reports.examples.np.savez", savez)
    with pytest.raises(DataError, match="does not read as it was written"):
        export_examples(make_run(20), tmp_path / "new")


def test_only_a_new_or_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    assert export_examples(make_run(20), tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    for taken in ("empty", "file"):
        with pytest.raises(UsageError, match="holds something already"):
            export_examples(make_run(20), tmp_path / taken)
    assert (tmp_path / "file").read_text() == "mine"
