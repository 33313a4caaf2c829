import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparring.errors import DataError
from sparring.storage import RECORDS, records_table, tables
from tests.reports.runs import made_up, make_records


@pytest.fixture(scope="module")
def records():
    return make_records(made_up(30, 10, seed=0))


def test_tables_survive_the_disk(records, tmp_path):
    tables.write(records, tmp_path / "records.parquet")
    assert tables.read(tmp_path / "records.parquet").equals(records)


def test_equal_tables_give_equal_bytes_however_they_were_put_together(tmp_path):
    whole = make_records(made_up(20_000, 10, seed=0))  # enough for several pages a column
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 9000), whole.slice(9007)])
    pieces = pieces.replace_schema_metadata({"when": "today"})
    tables.write(whole, tmp_path / "one.parquet")
    tables.write(pieces, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_column_of_a_later_version_is_ignored(records, tmp_path):
    later = records.append_column("mood", pa.array(["good"] * records.num_rows))
    pq.write_table(later, tmp_path / "records.parquet")
    assert tables.read(tmp_path / "records.parquet").schema == RECORDS


def test_rows_may_be_none():
    empty = records_table({name: [] for name in RECORDS.names})
    assert empty.num_rows == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": ["fine"]}, 'status says "fine"'),
        ({"label": [None]}, "label has empty cells"),
        ({"label": ["cat"]}, "do not make a table"),
        ({"extra": [1]}, "extra"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_columns_are_one_sentence(records, change, sentence):
    columns = records.slice(0, 1).to_pydict()
    with pytest.raises(DataError, match=sentence):
        records_table(columns | change)


def test_a_missing_column_is_named(records, tmp_path):
    pq.write_table(records.drop_columns(["status"]), tmp_path / "records.parquet")
    with pytest.raises(DataError, match="no column status"):
        tables.read(tmp_path / "records.parquet")


def test_a_column_of_another_type_is_named(records, tmp_path):
    place = records.schema.get_field_index("label")
    narrow = records.set_column(place, "label", records["label"].cast(pa.int32()))
    pq.write_table(narrow, tmp_path / "records.parquet")
    with pytest.raises(DataError, match="column label holds int32"):
        tables.read(tmp_path / "records.parquet")
