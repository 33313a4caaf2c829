"""Inputs stay in their file, and only the rows are read that are asked for."""

import gc
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.data import kept, load_data, unpacked
from sparring.data.kept import InFile
from sparring.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
LABELS = np.arange(50) % 5
FLOATS = torch.from_numpy(IMAGES).float() / 255


def _plain(folder):
    np.savez(folder / "images.npz", before=np.arange(7), x=IMAGES, y=LABELS)
    return folder / "images.npz"


def _compressed(folder):
    np.savez_compressed(folder / "images.npz", before=np.arange(7), x=IMAGES, y=LABELS)
    return folder / "images.npz"


def _folder(folder):
    """A class for each sample, so that they keep their order."""
    names = [f"{place:02d}" for place in range(len(IMAGES))]
    for name, image in zip(names, IMAGES, strict=True):
        (folder / "images" / name).mkdir(parents=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / "images" / name / "one.png")
    return folder / "images"


@pytest.fixture(params=[_plain, _compressed, _folder])
def samples(request, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return load_data(request.param(tmp_path))


def test_rows_are_those_of_the_archive(samples):
    assert isinstance(samples.kept.stored, InFile)
    assert torch.equal(samples.first(3), FLOATS[:3])
    assert torch.equal(samples.select([40, 2, 2]).inputs, FLOATS[[40, 2, 2]])
    assert torch.equal(torch.cat([part.inputs for part in samples.parts(7)]), FLOATS)
    assert torch.equal(samples.limit(20).select(range(5, 9)).inputs, FLOATS[5:9])


def test_it_is_the_same_as_in_memory(samples):
    same = load_data((IMAGES, samples.labels))
    assert (samples.ids, samples.digest, samples.notes) == (same.ids, same.digest, same.notes)
    assert torch.equal(samples.inputs, same.inputs)


def test_nothing_but_the_rows_asked_for_is_read(samples, monkeypatch):
    shown = []
    of_file = InFile.__getitem__
    monkeypatch.setattr(InFile, "__getitem__", lambda self, rows: shown.append(rows) or of_file(self, rows))
    samples.select([8, 9]).select([1])
    assert not shown
    assert torch.equal(samples.select([8, 9]).select([1]).inputs, FLOATS[9:10])
    assert shown == [slice(9, 10)]


def test_they_travel_as_a_name(samples):
    sent = pickle.dumps(samples.kept)
    assert len(sent) < 2000
    assert torch.equal(pickle.loads(sent).read(), FLOATS)  # noqa: S301  (made here)


def test_what_was_unpacked_goes_with_the_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    np.savez_compressed(tmp_path / "images.npz", x=IMAGES, y=LABELS)
    samples = load_data(tmp_path / "images.npz")
    few = samples.limit(5)
    del samples
    gc.collect()
    assert torch.equal(few.inputs, FLOATS[:5])
    del few
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["images.npz"]


def test_another_file_is_not_taken_for_it(tmp_path):
    np.savez(tmp_path / "images.npz", x=IMAGES, y=LABELS)
    samples = load_data(tmp_path / "images.npz")
    np.savez(tmp_path / "images.npz", x=IMAGES[:9], y=LABELS[:9])
    with pytest.raises(DataError, match=r"images\.npz was changed"):
        samples.first(1)
    (tmp_path / "images.npz").unlink()
    with pytest.raises(DataError, match=r"images\.npz cannot be read any more"):
        samples.first(1)


def test_a_damaged_archive_is_refused_at_once(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, x=IMAGES, y=LABELS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        load_data(path)


def test_no_room_to_unpack_is_one_sentence(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "images.npz", x=IMAGES, y=LABELS)
    monkeypatch.setattr(
        unpacked, "gettempdir", lambda: "absent"
    )  # which looks for a place that it can write to
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"images\.npz cannot be unpacked in absent.*numpy\.savez"):
        load_data(tmp_path / "images.npz")
    with pytest.raises(DataError, match=r"images cannot be unpacked in absent.*make room"):
        load_data(_folder(tmp_path))


@pytest.mark.parametrize("part", [60, 7 * 60, 10**6])
def test_checks_see_every_part(tmp_path, monkeypatch, part):
    monkeypatch.setattr(kept, "PART", part)
    floats = FLOATS.numpy().copy()
    np.savez(tmp_path / "grey.npz", x=floats, y=LABELS)
    assert load_data(tmp_path / "grey.npz").domain.step == 1 / 255
    floats[41, 0, 0, 0] += 1e-3
    np.savez(tmp_path / "between.npz", x=floats, y=LABELS)
    assert load_data(tmp_path / "between.npz").domain.step is None
    floats[33], floats[41, 0, 0, 0] = np.nan, np.inf
    np.savez(tmp_path / "nan.npz", x=floats, y=LABELS)
    with pytest.raises(DataError, match=r"2 samples hold NaN.* first is number 33"):
        load_data(tmp_path / "nan.npz")
    rows = np.arange(100, dtype=np.float64).reshape(50, 2)
    np.savez(tmp_path / "rows.npz", x=rows, y=LABELS)
    domain = load_data(Path(tmp_path / "rows.npz")).domain
    assert (domain.low.tolist(), domain.high.tolist()) == ([0, 1], [98, 99])
