"""`[features]`: columns in units of scale, bit for bit there and back; bad input in a sentence."""

import numpy as np
import pytest
import torch

import sparring
from sparring.config import FeatureTable
from sparring.errors import DataError, UsageError

AGE, PAY = {"range": [17, 90], "step": 1, "scale": 10}, {"range": [0, 1e5], "scale": 317.7}
KIND = ["kind_red", "kind_blue"]
FEATURES = {"age": AGE, "pay": PAY, "born": {"mutable": False}, "kind": {"one_hot": KIND, "scale": 2}}
NAMES = ["age", "pay", "born", *KIND]


def rows(count=50, seed=0):
    """Ages, pay to the cent, places of birth, and one of two kinds."""
    draw = np.random.default_rng(seed)
    kind = np.eye(2)[draw.integers(0, 2, count)]
    numbers = draw.integers(17, 91, count), draw.uniform(0, 1e5, count).round(2), draw.normal(0, 1e6, count)
    return np.column_stack([*numbers, kind]).astype(np.float32)


def table(features=FEATURES, stored=None, names=NAMES):
    stored = rows() if stored is None else stored
    return sparring.load_data((Named(stored, names), np.arange(len(stored)) % 2), features=features)


class Named(np.ndarray):
    """An array whose columns have names, as a data frame."""

    def __new__(cls, values, names):
        new = np.asarray(values).view(cls)
        new.columns = names
        return new


def test_rows_come_back_bit_for_bit():
    samples = table()
    assert samples.inputs.dtype == torch.float64
    assert torch.equal(samples.domain.columns.rows(samples.inputs), torch.from_numpy(np.array(rows())))


def test_a_model_is_shown_rows():
    seen = []

    def model(inputs):
        seen.append(inputs)
        return torch.stack([inputs[:, 0] - 50, 50 - inputs[:, 0]], 1)

    sparring.search(model, table(), sparring.attacks.Square(3), "linf:1")
    assert torch.equal(seen[0], torch.from_numpy(np.array(rows()))[:8])


def test_ids_are_those_of_the_stored_rows():
    plain = sparring.load_data((np.array(rows()), np.arange(50) % 2))
    assert table().ids == plain.ids


def test_what_never_changes_is_not_scaled():
    columns = table().domain.columns
    assert columns.scale.tolist() == [10, 317.7, 1, 2, 2] and columns.mutable.tolist() == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert columns.group.tolist() == [-1, -1, -1, 0, 0] and columns.step.tolist() == [1, 0, 0, 1, 1]


def test_the_tables_of_the_file_say_the_same():
    said = {
        name: FeatureTable(**{key: tuple(v) if isinstance(v, list) else v for key, v in words.items()})
        for name, words in FEATURES.items()
    }
    assert torch.equal(table(said).inputs, table().inputs)


FAULTS = {
    "a column is left out": ({"age": AGE}, 'says nothing of the column "pay".*mutable = false'),
    "a column that is not there": ({**FEATURES, "wage": PAY}, 'about a column "wage"'),
    "a column twice": ({**FEATURES, "again": {"one_hot": ["age", "born"]}}, 'column "age" twice'),
    "an unknown key": ({**FEATURES, "age": {"rnage": [0, 1]}}, 'no key "rnage"; did you mean "range"'),
    "no range": ({**FEATURES, "age": {"step": 1}}, r"age\] needs a range, such as range = \[\d+, 90\]"),
    "an empty range": ({**FEATURES, "age": {"range": [90, 17]}}, "which is empty; exchange its ends"),
    "a category with a range": ({**FEATURES, "kind": {"one_hot": KIND, "range": [0, 1]}}, "is a category"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_makes_no_sense_is_told_in_a_sentence(case):
    features, said = FAULTS[case]
    with pytest.raises(UsageError, match=said):
        table(features)


def test_rows_that_contradict_are_refused():
    with pytest.raises(DataError, match=r'column "age" is \d+ in row \d+, outside its range \[17, 20\]'):
        table({**FEATURES, "age": {"range": [17, 20]}})
    odd = rows()
    odd[7, 3:] = 1
    with pytest.raises(DataError, match="row 7 has not exactly one 1"):
        table(stored=odd)
    with pytest.raises(DataError, match="for tables, but the samples have shape"):
        sparring.load_data((np.zeros((3, 2, 2), np.float32), np.arange(3)), features=FEATURES)


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz"])
def test_files_name_their_columns(tmp_path, ending):
    import pyarrow as pa
    from pyarrow import csv, parquet

    path, labels = tmp_path / f"table.{ending}", np.arange(50) % 2
    if ending == "npz":
        np.savez(path, x=rows(), y=labels, columns=np.array(NAMES))
    else:
        whole = pa.table({**{name: rows()[:, place] for place, name in enumerate(NAMES)}, "label": labels})
        (csv.write_csv if ending == "csv" else parquet.write_table)(whole, path)
    assert torch.equal(sparring.load_data(path, features=FEATURES).inputs, table().inputs)


def test_bad_csv_is_told_in_a_sentence(tmp_path):
    (tmp_path / "bad.csv").write_text("a,label\n1,0\n2\n")
    with pytest.raises(DataError, match=r"bad\.csv is no table in CSV"):
        sparring.load_data(tmp_path / "bad.csv")
    (tmp_path / "words.csv").write_text("a,label\nred,0\n")
    with pytest.raises(DataError, match=r'column "a" of words\.csv is of type string'):
        sparring.load_data(tmp_path / "words.csv")
