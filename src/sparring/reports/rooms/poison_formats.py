"""A scan for poison as JUnit and SARIF, for CI systems: an alarm fails, what could not be decided is skipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sparring.reports.ci.places import uri
from sparring.reports.ci.sarif import SCHEMA
from sparring.storage.files import replacing

__all__ = ["FORMATS", "scan_junit", "scan_sarif", "write_scan"]

Document = Mapping[str, Any]

RULE = "poison.alarm"
SAID = "The scanned data look like the trusted ones, class by class"


def scan_junit(document: Document) -> str:
    """One test case: a failure for an alarm, skipped where none was possible or none was asked for."""
    verdict, text = document["verdict"], ". ".join(document["reasons"])
    tag = {"fail": "failure", "pass": None}.get(verdict, "skipped")
    counts = {"tests": "1", "failures": str(int(tag == "failure")), "errors": "0"}
    told = {"name": "sparring", "time": f"{document['seconds']:.3f}", **counts}
    root = ET.Element("testsuites", told)
    skipped = {"timestamp": document["date"], "skipped": str(int(tag == "skipped"))}
    suite = ET.SubElement(root, "testsuite", {**told, "name": "poison scan", **skipped})
    case = ET.SubElement(suite, "testcase", classname="poison scan", name="no alarm")
    if tag is not None:
        ET.SubElement(case, tag, message=text, type=verdict).text = _counted(document)
    ET.SubElement(suite, "system-out").text = _counted(document)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def scan_sarif(document: Document, folder: Path) -> str:
    """One run: a result per class that raised the alarm, pointing at the table of samples in `folder`."""
    place = {"artifactLocation": {"uri": uri(folder / "result.json")}, "region": {"startLine": 1}}
    alarmed = document["verdict"] == "fail"
    results = [
        {
            "ruleId": RULE,
            "ruleIndex": 0,
            "level": "error",
            "kind": "fail",
            "message": {"text": f"{reason}. {_counted(document)}"},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"ruleClass/v1": f"{RULE}:{peak['label']}"},
        }
        for reason, peak in zip(document["reasons"], document["body"]["raised"], strict=False)
    ]
    note = [{"level": "note", "message": {"text": reason}} for reason in document["reasons"] if not alarmed]
    run = {
        "tool": {
            "driver": {
                "name": "Sparring",
                "version": document["versions"]["sparring"],
                "rules": [{"id": RULE, "shortDescription": {"text": SAID}}],
            }
        },
        "automationDetails": {"id": "sparring/poison-scan/"},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": note}],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


FORMATS: dict[str, tuple[str, Callable[[Document, Path], str]]] = {
    "junit": ("junit.xml", lambda document, folder: scan_junit(document)),
    "sarif": ("report.sarif", scan_sarif),
}
"""Names of formats, the files that they go into, and what writes them."""


def write_scan(document: Document, formats: Sequence[str], folder: Path) -> None:
    """Write the files of some of `FORMATS` into `folder`, each whole or not at all."""
    for name in formats:
        file, render = FORMATS[name]
        with replacing(folder / file) as path:
            path.write_text(render(document, folder), encoding="utf-8")


def _counted(document: Document) -> str:
    body = document["body"]
    return (
        f"{len(body['suspects']):,} suspects of {document['samples']:,} samples, {body['trusted']:,} trusted"
    )
