"""Pages of the poisoning room hold what the documents say, and no stranger's markup."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from jsonschema import Draft4Validator

from sparring.poison import Answers, Power, Remedied, Share
from sparring.poison.detection_power import Finding
from sparring.poison.documents import power_body, repair_body
from sparring.reports.rooms.poison_formats import scan_junit, scan_sarif
from sparring.reports.rooms.poison_tables import poison_page
from sparring.storage.envelope import envelope

SCHEMAS = Path(__file__).parents[1] / "ci" / "schemas"


def _document(kind, body):
    return envelope(kind, body, samples=1000, seed=0, seconds=1.0)


def test_power_says_what_was_caught_and_the_false_alarms():
    found = (
        Power("control", 0.0, (Finding(0, False, 0.0, 0.0), Finding(1, True, 0.0, 0.02))),
        Power("<b>", 0.01, (Finding(0, True, 0.9, 0.001), Finding(1, True, 0.7, 0.001))),
    )
    page = poison_page(_document("poison-power", power_body(found, 0.05, 0.01)))
    assert "1 of 2 scans raised the alarm" in page
    assert "2 of 2 = 100%" in page
    assert "80%" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.replace("<b>Sparring</b>", "")


def test_repair_says_how_much_was_trusted():
    remedies = [
        Remedied("none", Answers(Share(95, 100), Share(90, 90))),
        Remedied("relabel", Answers(Share(94, 100), Share(1, 90))),
        Remedied("i-bau", Answers(Share(94, 100), Share(1, 90)), trusted=10),
    ]
    page = poison_page(_document("poison-repair", repair_body("badnets", 0.01, 10, 1000, remedies)))
    assert "10 trusted samples (1.0%)" in page
    assert "100.0% (96-100%)" in page
    assert "1.1%" in page
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")]
    used = {row[0]: row[1] for row in cells if row}
    assert (used["relabel"], used["i-bau"]) == ("0", "10")


def _scan(verdict):
    body = {"suspects": [1, 2], "trusted": 10, "raised": [{"label": 3}] if verdict == "fail" else []}
    return envelope(
        "poison-scan", body, samples=50, seed=0, seconds=1.0, verdict=verdict, reasons=["because"]
    )


@pytest.mark.parametrize(
    ("verdict", "tag"), [("fail", "failure"), ("inconclusive", "skipped"), ("pass", None)]
)
def test_an_alarm_is_a_failure_and_nothing_else_is(verdict, tag):
    root = ET.fromstring(scan_junit(_scan(verdict)))
    case = root.find("testsuite/testcase")
    assert [child.tag for child in case] == ([tag] if tag else [])
    assert root.get("failures") == str(int(verdict == "fail"))
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(root)


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "pass"])
def test_sarif_holds_its_schema_and_only_alarms_are_results(verdict):
    log = json.loads(scan_sarif(_scan(verdict), Path("runs/x")))
    Draft4Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text())).validate(log)
    assert len(log["runs"][0]["results"]) == (verdict == "fail")
