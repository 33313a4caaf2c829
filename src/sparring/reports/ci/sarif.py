"""The report of one run as SARIF 2.1.0, for code scanning.

Code scanners show every result as a problem, whatever its `kind` says, so only what did not pass is a result: a failed
gate is an error, an undecided one is open, and what passed is told as a notification.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sparring.evaluation.gates.judging import UNTRUSTED
from sparring.reports.ci.checks import Check, checks, measured
from sparring.reports.ci.places import gate_line, read_config, uri
from sparring.reports.ci.taxonomy import TAXONOMIES, Taxon, Taxonomy, evasion, techniques
from sparring.storage import Run

__all__ = ["SCHEMA", "fingerprint", "render_sarif"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_SETTLED = ("pass", "measured")

Json = dict[str, Any]


def render_sarif(run: Run, config: Path | None = None) -> str:
    """One log with one run: rules, results for what did not pass, and the findings.

    Args:
        run: What is reported.
        config: The `sparring.toml` with the gates; results point at their lines. Without, at `result.json`.

    Raises:
        DataError: `config` cannot be read.
    """
    found = checks(run)
    findings = [(f"finding.{finding['id']}", finding) for finding in run.result["findings"]]
    rules = list(dict.fromkeys([*(check.rule for check in found), *(rule for rule, _ in findings)]))
    text = None if config is None else read_config(config)

    def place(gate: str = "") -> Json:
        return _place(run, config, text, gate)

    results = [
        _of_check(run, check, rules, place(check.name)) for check in found if check.outcome not in _SETTLED
    ]
    results += [_of_finding(run, finding, rule, rules, place()) for rule, finding in findings]
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(run, rules)},
                "taxonomies": [_taxonomy(each) for each in TAXONOMIES],
                "automationDetails": {"id": _category(run)},
                "invocations": [_invocation(run, found)],
                "results": results,
                "properties": _properties(run),
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def fingerprint(run: Run, rule: str) -> str:
    """The same for the same rule, model and threat, however often it is measured and whatever comes out."""
    parts = [rule, run.result["model"]["name"], run.result["threat"]["text"]]
    return sha256(json.dumps(parts).encode()).hexdigest()


def _of_check(run: Run, check: Check, rules: Sequence[str], place: Json) -> Json:
    failed = check.outcome == "fail"
    text = f"{check.line.rstrip('.')}. {measured(run)}."
    return {
        **_result(run, check.rule, rules, text, place),
        "kind": "fail" if failed else "open",
        "level": "error" if failed else "none",
        "taxa": [_reference(*each) for each in techniques(run)],
    }


def _of_finding(run: Run, finding: Json, rule: str, rules: Sequence[str], place: Json) -> Json:
    samples = finding.get("samples")
    text = finding["message"] if samples is None else f"{finding['message']} ({samples:,} samples)"
    return {**_result(run, rule, rules, text, place), "kind": "fail", "level": finding["severity"]}


def _result(run: Run, rule: str, rules: Sequence[str], text: str, place: Json) -> Json:
    mark = fingerprint(run, rule)
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "message": {"text": _unlinked(text)},
        "locations": [{"physicalLocation": place}],
        # the second is the one that GitHub compares; without it, a changed minimum would be a new alert
        "partialFingerprints": {"ruleModelThreat/v1": mark, "primaryLocationLineHash": f"{mark[:16]}:1"},
    }


def _place(run: Run, config: Path | None, text: str | None, gate: str) -> Json:
    if config is None or text is None:
        return _region((run.folder or Path()) / "result.json", 1)
    return _region(config, gate_line(text, gate, run.result["threat"]["text"], run.result["suite"]["name"]))


def _region(path: Path, line: int) -> Json:
    return {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": line}}


def _driver(run: Run, rules: Iterable[str]) -> Json:
    return {
        "name": "Sparring",
        "version": str(run.result["versions"].get("sparring", "unknown")),
        "rules": [_rule(rule) for rule in rules],
        "supportedTaxonomies": [{"name": each.name, "index": index} for index, each in enumerate(TAXONOMIES)],
    }


def _rule(rule: str) -> Json:
    kind, _, name = rule.partition(".")
    said = {
        "gate": f"Gate {name}: the model is as robust as the gate demands",
        "finding": f"Finding {name}: what a reader of the numbers must know",
    }.get(kind, "Verdict of the audit")
    described = {"id": rule, "shortDescription": {"text": said}, "fullDescription": {"text": f"{said}."}}
    if kind == "finding":
        return described
    return {
        **described,
        "relationships": [
            {"target": _reference(taxonomy, taxon), "kinds": ["relevant"]} for taxonomy, taxon in evasion
        ],
        "properties": {"tags": ["robustness", *(_tag(*each) for each in evasion)]},
    }


def _taxonomy(taxonomy: Taxonomy) -> Json:
    return {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "organization": taxonomy.organization,
        "informationUri": taxonomy.uri,
        "isComprehensive": False,
        "taxa": [{"id": taxon.id, "shortDescription": {"text": taxon.name}} for taxon in taxonomy.taxa],
    }


def _reference(taxonomy: Taxonomy, taxon: Taxon) -> Json:
    component = {"name": taxonomy.name, "index": TAXONOMIES.index(taxonomy)}
    return {"id": taxon.id, "index": taxonomy.taxa.index(taxon), "toolComponent": component}


def _tag(taxonomy: Taxonomy, taxon: Taxon) -> str:
    return f"external/{taxonomy.name}/{taxon.id}".lower().replace(" ", "-")


def _category(run: Run) -> str:
    """Keeps the results of several audits of one commit apart."""
    result = run.result
    parts = (result["kind"], result["model"]["name"], result["threat"]["text"], result["suite"]["name"])
    return f"sparring/{'/'.join(map(str, parts))}/"


def _invocation(run: Run, found: Iterable[Check]) -> Json:
    level = "error" if run.verdict in UNTRUSTED else "note"
    told = [check for check in found if check.outcome in (*UNTRUSTED, *_SETTLED)]
    command, ended = run.result.get("command"), _utc(run.result["date"])
    return {
        "executionSuccessful": run.verdict not in UNTRUSTED,
        **({"commandLine": command} if command else {}),
        **({"endTimeUtc": ended} if ended else {}),
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": _unlinked(check.line)}} for check in told
        ],
    }


def _properties(run: Run) -> Json:
    names = ("verdict", "reasons", "samples", "robust", "robust_accuracy", "interval", "seed")
    gates = {"gates": run.result["gates"]} if run.result.get("gates") else {}
    return {**{name: run.result[name] for name in names}, **gates}


def _utc(date: str) -> str | None:
    try:
        return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None


def _unlinked(text: str) -> str:
    """A message in which a stranger's class name cannot make a link; links are part of SARIF's plain text."""
    return text.replace("](", "] (")
