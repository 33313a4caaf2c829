"""Tables go to a file of their own, some rows at a time, and are what they would be in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pyarrow import csv

from sparring.data import kept, load_data, table, unpacked
from sparring.data.kept import InFile
from sparring.errors import DataError

ROWS = 25
VALUES = np.random.default_rng(0).integers(0, 40, (ROWS, 3)) / 4
COLUMNS = {
    "a": VALUES[:, 0],
    "b": VALUES[:, 1],
    "kind": np.array(["x", "y"] * ROWS)[:ROWS],
    "c": VALUES[:, 2],
}
FEATURES = {
    "a": {"range": [0.0, 10.0], "scale": 2.0},
    "b": {"range": [0.0, 10.0], "step": 0.25},
    "c": {"mutable": False},
}
SUFFIXES = pytest.mark.parametrize("suffix", [".parquet", ".csv"])


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    """Seven rows of three columns are a part."""
    monkeypatch.setattr(kept, "PART", 21)
    monkeypatch.setattr(table, "PART", 21)


def written(folder: Path, suffix: str, **changed: object) -> Path:
    path = folder / f"table{suffix}"
    rows = pa.table(COLUMNS | changed)
    if suffix == ".csv":
        csv.write_csv(rows, path)
    else:
        pq.write_table(rows, path, row_group_size=10, compression="gzip")
    return path


@SUFFIXES
@pytest.mark.parametrize("features", [None, FEATURES])
def test_a_table_is_the_same_as_in_memory_and_stays_on_disk(tmp_path, suffix, features):
    data = load_data(written(tmp_path, suffix), labels="kind", features=features)
    assert isinstance(data.kept.stored, InFile)
    numbers = np.array([0, 1] * ROWS)[:ROWS]
    named = {f"x{place}": each for place, each in enumerate(FEATURES.values())}
    whole = load_data((VALUES.astype(np.float32), numbers), features=features and named)
    assert torch.equal(data.inputs, whole.inputs)
    assert data.inputs.dtype == whole.inputs.dtype == (torch.float64 if features else torch.float32)
    assert (data.ids, data.labels.tolist()) == (whole.ids, whole.labels.tolist())
    assert torch.equal(data.domain.low, whole.domain.low)
    assert torch.equal(data.domain.high, whole.domain.high)
    some = torch.tensor([24, 3, 17])
    assert torch.equal(data.select(some).inputs, whole.inputs[some])
    assert (data.names, data.classes) == (("a", "b", "c"), ("x", "y"))


@SUFFIXES
def test_the_file_goes_with_the_samples(tmp_path, suffix):
    data = load_data(written(tmp_path, suffix), labels="kind")
    path = data.kept.stored.path
    assert path.is_file()
    del data
    assert not path.exists()


@SUFFIXES
def test_empty_cells_are_counted_over_the_whole_table(tmp_path, suffix):
    holes = [None if row in (2, 9, 24) else 1.0 for row in range(ROWS)]
    path = written(tmp_path, suffix, b=pa.array(holes))
    with pytest.raises(DataError, match=r'column "b" of table\..* has 3 empty cells'):
        load_data(path, labels="kind")


@SUFFIXES
def test_text_is_no_feature(tmp_path, suffix):
    with pytest.raises(DataError, match=r'column "b" of table\..* is of type string'):
        load_data(written(tmp_path, suffix, b=["high"] * ROWS), labels="kind")


def test_no_room_is_one_sentence_about_room(tmp_path, monkeypatch):
    path = written(tmp_path, ".csv")
    monkeypatch.setattr(unpacked, "gettempdir", lambda: "absent")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(DataError, match="make room"):
        load_data(path, labels="kind")


def test_a_row_outside_its_range_is_named_by_its_number_in_the_table(tmp_path):
    path = written(tmp_path, ".parquet", a=np.where(np.arange(ROWS) == 19, 99.0, 1.0))
    with pytest.raises(DataError, match='column "a" is 99 in row 19'):
        load_data(path, labels="kind", features=FEATURES)
    category = {"a": FEATURES["a"], "two": {"one_hot": ["b", "c"]}}
    ones = np.arange(ROWS) != 22
    path = written(tmp_path, ".parquet", a=VALUES[:, 0], b=1.0 * ones, c=np.zeros(ROWS))
    with pytest.raises(DataError, match="row 22 has not exactly one 1"):
        load_data(path, labels="kind", features=category)


def test_damage_behind_the_first_rows_is_one_sentence(tmp_path):
    path = written(tmp_path, ".parquet")
    content = bytearray(path.read_bytes())
    place = pq.ParquetFile(path).metadata.row_group(1).column(1).dictionary_page_offset
    content[place + 30 : place + 60] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"table\.parquet is no parquet file, or it is damaged"):
        load_data(path, labels="kind")
