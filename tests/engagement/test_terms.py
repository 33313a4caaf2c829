"""The engagement file: what it allows, and one sentence with the line for every fault in it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sparring.engagement import load_engagement, parse_address
from sparring.errors import UsageError

GOOD = """
schema = 1
targets = ["https://ml.example.org/v2/models/*", "https://ml.example.org:8443/v2/models/net/versions/2"]
techniques = ["blackbox"]

[authoriser]
name = "Ada Byron"
contact = "ada@example.org"

[window]
from = 2026-12-01T09:00:00+01:00
until = 2026-12-05T18:00:00Z

[budgets]
queries = 50_000
queries_per_minute = 600
"""


def read(folder, text=GOOD):
    path = folder / "engagement.toml"
    path.write_text(text)
    return load_engagement(path)


def test_everything_in_the_file_is_understood(tmp_path):
    terms = read(tmp_path)
    assert terms.authoriser.name == "Ada Byron" and terms.techniques == ("blackbox",)
    assert terms.window.from_ == datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1)))
    assert terms.window.until == datetime(2026, 12, 5, 18, tzinfo=UTC)
    assert (terms.budgets.queries, terms.budgets.queries_per_minute) == (50_000, 600)
    assert terms.entry["until"] == "2026-12-05T18:00:00+00:00" and len(terms.digest) == 64


def test_dates_may_stand_in_quotes_and_a_rate_may_be_left_out(tmp_path):
    text = GOOD.replace("2026-12-01T09:00:00+01:00", '"2026-12-01T09:00:00+01:00"')
    terms = read(tmp_path, text.replace("queries_per_minute = 600\n", ""))
    assert terms.window.from_.hour == 9 and terms.budgets.queries_per_minute is None


WRONG = {
    "key": ("queries = ", "querys = ", 'line 15: [budgets] has no key "querys"; did you mean "queries"?'),
    "window key": ("from = ", "form = ", 'line 11: [window] has no key "form"; did you mean "from"?'),
    "table": ("[window]", "[windows]", 'line 10: the file has no key "windows"; did you mean "window"?'),
    "no table": (GOOD[GOOD.index("[budgets]") :], "", "line 1: the file has no [budgets]; write one"),
    "no name": ('name = "Ada Byron"\n', "", 'line 6: [authoriser] lacks its key "name"'),
    "empty name": ('"Ada Byron"', '""', "line 7: name of [authoriser] must be text that is not empty"),
    "no zone": ("09:00:00+01:00", "09:00:00", "line 11: from of [window] must be a date and time with its time zone"),
    "date": ("2026-12-05T18:00:00Z", "2026-12-05", "line 12: until of [window] must be a date and time with its"),
    "text": ("2026-12-05T18:00:00Z", '"soon"', "line 12: until of [window] must be a date and time with its"),
    "number": ("2026-12-05T18:00:00Z", "1764957600", "until of [window] must be a date and time with its"),
    "ends": ("2026-12-05", "2026-11-05", "line 12: the window ends before it begins"),
    "budget": ("50_000", "0", "line 15: queries of [budgets] must be at least 1, but is 0"),
    "endless": ("50_000", "inf", "line 15: queries of [budgets] must be a whole number"),
    "rate": ("600", '"600"', 'queries_per_minute of [budgets] must be a whole number, but is "600"'),
    "targets": (GOOD[GOOD.index("targets") :].splitlines()[0], 'targets = "x"', "targets must be a list of texts"),
    "no targets": (GOOD[GOOD.index("targets") :].splitlines()[0], "targets = []", "targets must be a list that is not"),
    "target": ("/v2/models/*", "/", "line 3: "),
    "any scheme": ("https://ml.example.org/", "*://ml.example.org/", "line 3: "),
    "techniques": ('["blackbox"]', "[1]", "techniques must be text in quotes, but is 1"),
    "schema": ("schema = 1", "schema = 2", "line 2: schema must be 1, but is 2"),
    "no schema": ("schema = 1\n", "", "write schema = 1 at its top"),
    "broken": ("[budgets]", "[budgets", "is no TOML"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_one_sentence_with_its_line(tmp_path, case):
    old, new, words = WRONG[case]
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "engagement.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"the engagement file .* cannot be read"):
        load_engagement(tmp_path / "engagement.toml")


INSIDE = [
    "https://ml.example.org/v2/models/net",
    "https://ML.Example.org:443/v2/models/other/",
    "https://ml.example.org:8443/v2/models/net/versions/2",
]
OUTSIDE = [
    "http://ml.example.org/v2/models/net",
    "https://ml.example.org:444/v2/models/net",
    "https://ml.example.org/v2/models/net/versions/1",
    "https://example.org/v2/models/net",
    "https://xml.example.org/v2/models/net",
    "https://ml.example.org.evil.com/v2/models/net",
    "https://evil.com/ml.example.org/v2/models/net",
    "https://ml.example.org/other/v2/models/net",
    "https://ml.example.org:8443/v2/models/net/versions/20",
]


@pytest.mark.parametrize("address", INSIDE)
def test_targets_cover_what_they_name(tmp_path, address):
    assert read(tmp_path).covers(parse_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_targets_cover_nothing_else(tmp_path, address):
    assert not read(tmp_path).covers(parse_address(address))


def test_services_of_any_path_can_be_targets(tmp_path):
    terms = read(tmp_path, GOOD.replace("/v2/models/*", "/score/*"))
    assert terms.covers(parse_address("https://ml.example.org/score/fraud/"))
    for path in ("/score", "/score/fraud/infer", "/other/fraud", "/v2/models/net"):
        assert not terms.covers(parse_address(f"https://ml.example.org{path}"))


def test_a_star_stays_inside_its_part(tmp_path):
    terms = read(tmp_path, GOOD.replace("https://ml.example.org/", "https://*.example.org/"))
    assert terms.covers(parse_address("https://a.example.org/v2/models/net"))
    assert not terms.covers(parse_address("https://a.b.example.org/v2/models/net"))
    assert not terms.covers(parse_address("https://example.org/v2/models/net"))
    assert not terms.covers(parse_address("https://evil.com/.example.org/v2/models/net"))
