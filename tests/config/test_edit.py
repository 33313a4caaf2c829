"""Changes leave everything else as it is, or are refused."""

import tomllib

import pytest

from sparring.config import with_settings
from sparring.errors import UsageError

TEXT = """schema = 1  # of the file

[model]  # ours
source = "net.pt2"
mean = [
  0.5,  # red
]
std = [0.25]

[data]  # theirs
source = "test.npz"
"""


def test_keys_are_added_changed_and_removed_and_comments_stay():
    changed = with_settings(TEXT, "model", {"mean": [0.1], "std": None, "outputs": "logits"})
    assert tomllib.loads(changed)["model"] == {"source": "net.pt2", "mean": [0.1], "outputs": "logits"}
    assert all(words in changed for words in ("# of the file", "# ours", "# theirs"))
    assert tomllib.loads(changed)["data"] == tomllib.loads(TEXT)["data"]


def test_nothing_to_change_changes_nothing():
    assert with_settings(TEXT, "model", {}) == TEXT
    assert with_settings(TEXT, "model", {"weights": None}) == TEXT


def test_a_file_without_a_last_newline_stays_toml():
    assert tomllib.loads(with_settings("[model]", "model", {"mean": [0.5]})) == {"model": {"mean": [0.5]}}


@pytest.mark.parametrize(
    "text", ['model = {source = "net.pt2"}\n', 'model.source = "net.pt2"\n[data]\nsource = "x"\n']
)
def test_a_table_that_is_no_block_is_refused_with_the_words_to_write(text):
    with pytest.raises(UsageError, match=r"mean = \[0\.5\]"):
        with_settings(text, "model", {"mean": [0.5]})
