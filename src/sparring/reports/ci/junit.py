"""The report of one run as JUnit XML, for CI systems that show tests."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from sparring.reports import words
from sparring.reports.ci.checks import Check, checks, measured
from sparring.storage import Run

__all__ = ["render_junit"]

_ELEMENTS = {"measured": None, "pass": None, "fail": "failure", "inconclusive": "skipped"}
"""What a test case holds for an outcome; for any other, known or not, an error: never a silent pass."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def render_junit(run: Run) -> str:
    """A suite with a test case per gate: failed means failure, undecided skipped, not to be trusted error."""
    found = checks(run)
    elements = [_ELEMENTS.get(check.outcome, "error") for check in found]
    counts = {
        "tests": len(found),
        "failures": elements.count("failure"),
        "errors": elements.count("error"),
    }
    seconds = f"{run.result['seconds']:.3f}"
    root = _element("testsuites", name="sparring", time=seconds, **counts)
    suite = _element(
        "testsuite", name=_title(run), time=seconds, timestamp=run.result["date"],
        skipped=elements.count("skipped"), **counts,
    )  # fmt: skip
    root.append(suite)
    suite.append(_properties(run))
    suite.extend(_case(run, check, element) for check, element in zip(found, elements, strict=True))
    suite.append(_element("system-out", _told(run)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _title(run: Run) -> str:
    """Tells suites of one CI job apart, and stays the same from run to run."""
    result = run.result
    return f"{result['model']['name']} under {result['threat']['text']}, suite {result['suite']['name']}"


def _case(run: Run, check: Check, element: str | None) -> ET.Element:
    case = _element("testcase", classname=_title(run), name=check.name)
    if element is not None:
        case.append(
            _element(
                element,
                f"{check.line}\n{measured(run)}",
                message=check.reason or check.text,
                type=check.outcome,
            )
        )
    return case


def _properties(run: Run) -> ET.Element:
    result, interval = run.result, run.result["interval"]
    values = {
        "verdict": run.verdict,
        "samples": result["samples"],
        "clean_correct": result["clean_correct"],
        "robust": result["robust"],
        "robust_accuracy": result["robust_accuracy"],
        "interval": interval and f"{interval['low']} to {interval['high']} at level {interval['level']}",
        "threat": result["threat"]["text"],
        "eps": result["threat"].get("eps"),
        "suite": result["suite"]["name"],
        "seed": result["seed"],
        "model": result["model"]["name"],
        "model_digest": result["model"].get("digest"),
        "data_digest": result["data"].get("digest"),
        "forwards": result["forwards"],
        "backwards": result["backwards"],
    }
    properties = _element("properties")
    properties.extend(
        _element("property", name=name, value=value) for name, value in values.items() if value is not None
    )
    return properties


def _told(run: Run) -> str:
    findings = (f"{finding['severity']}: {finding['message']}" for finding in run.result["findings"])
    return "\n".join([words.meaning(run), words.interval(run), *findings])


def _element(tag: str, text: str | None = None, /, **attributes: Any) -> ET.Element:
    """An element; the library escapes what XML can hold, and what it cannot hold becomes U+FFFD."""
    made = ET.Element(tag, {name: _held(str(value)) for name, value in attributes.items()})
    made.text = None if text is None else _held(text)
    return made


def _held(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
