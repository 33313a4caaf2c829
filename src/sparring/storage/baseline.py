"""What a later run is held against: which samples withstood, small enough to be committed beside the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparring.errors import DataError, UsageError
from sparring.run_names import is_name
from sparring.storage.files import replacing
from sparring.storage.run import Run, load_run
from sparring.storage.schema import fault
from sparring.storage.tables import STATUSES

__all__ = [
    "Baseline",
    "baseline_of",
    "drawn",
    "export_baseline",
    "load_baseline",
    "open_baseline",
    "statuses_of",
    "suite_of",
    "suite_text",
]

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schema_version", "kind", "model", "threat", "suite", "drawn", "total", "samples"],
    "properties": {
        "schema_version": {"type": "string"},
        "kind": {"type": "string", "enum": ["baseline"]},
        "model": {"type": "object"},
        "threat": {"type": "string"},
        "suite": {"type": "string"},
        "drawn": {"type": "boolean"},
        "total": {"type": ["integer", "null"]},
        "risk": {"type": "object", "required": ["given_up", "checked", "missed"]},
        "samples": {"type": "array", "items": {"type": "array"}},
    },
}


@dataclass(frozen=True)
class Baseline:
    """A run reduced to what another one can be compared with.

    Attributes:
        name: What sentences call it: the path it came from, or "the baseline".
        model: `name` and `digest` of the model.
        threat: As in `result.json`.
        suite: As `suite_text` writes it.
        drawn: Whether the samples are a random draw.
        total: How many samples the data had, None if unknown.
        statuses: The status of each (id, label).
        risk: As in `result.json`, None unless the suite was a cheap one.
    """

    name: str
    model: Mapping[str, Any]
    threat: str
    suite: str
    drawn: bool
    total: int | None
    statuses: Mapping[tuple[str, int], str]
    risk: Mapping[str, Any] | None = None


def statuses_of(run: Run) -> dict[tuple[str, int], str]:
    """The status of each (id, label) of a run."""
    ids, labels, statuses = (run.records[name].to_pylist() for name in ("id", "label", "status"))
    return dict(zip(zip(ids, labels, strict=True), statuses, strict=True))


def baseline_of(run: Run, name: str = "the baseline") -> Baseline:
    """The baseline that a run makes.

    Raises:
        UsageError: The run is incomplete or invalid.
    """
    result = run.result
    if run.verdict in ("incomplete", "invalid"):
        raise UsageError(
            f"{name} is {run.verdict}, so nothing can be held against it; audit that model again"
        )
    model = {key: result["model"].get(key) for key in ("name", "digest")}
    return Baseline(
        name, model, result["threat"]["text"], suite_of(result), drawn(result), result["data"].get("total"),
        statuses_of(run), result.get("risk"),
    )  # fmt: skip


def suite_of(result: Mapping[str, Any]) -> str:
    """The suite of a `result.json`, as runs are compared by it."""
    suite = result["suite"]
    return suite_text(suite["name"], suite.get("queries"))


def suite_text(name: str, queries: int | None) -> str:
    """A suite, with the budget that it was held to.

    >>> suite_text("standard", None), suite_text("blackbox", 2500)
    ('standard', 'blackbox at 2,500 queries')
    """
    return name if queries is None else f"{name} at {queries:,} queries"


def drawn(result: Mapping[str, Any]) -> bool:
    """Whether the samples of a `result.json` are a random draw; older results tell by their interval."""
    said = result["data"].get("drawn")
    return result["interval"] is not None if said is None else bool(said)


def export_baseline(run: Run, path: str | Path) -> Path:
    """Write a `baseline.json`: a line per sample, the same bytes for the same run.

    Raises:
        DataError: The file cannot be written.
        UsageError: The run is incomplete or invalid.
    """
    base, path = baseline_of(run, "this run"), Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the file that the baseline shall become")
    head = {
        "schema_version": "1.0",
        "kind": "baseline",
        "model": base.model,
        "threat": base.threat,
        "suite": base.suite,
        "drawn": base.drawn,
        "total": base.total,
        **({} if base.risk is None else {"risk": base.risk}),
        "versions": run.result["versions"],
    }
    rows = ",\n".join(f"    {json.dumps([*key, status])}" for key, status in base.statuses.items())
    text = f'{json.dumps(head, indent=2, ensure_ascii=False)[:-2]},\n  "samples": [\n{rows}\n  ]\n}}\n'
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def load_baseline(path: str | Path) -> Baseline:
    """Read a `baseline.json`.

    Raises:
        DataError: The file is missing, truncated or foreign.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"the baseline {path} does not exist; give a run folder, the name of a run, or a baseline.json"
        ) from None
    except (OSError, ValueError):
        raise DataError(
            f"the baseline {path} cannot be read as JSON; give a run folder or a baseline.json"
        ) from None
    if problem := fault(found, _SCHEMA) or _fault_in_rows(found["samples"]):
        raise DataError(f"{path} is no baseline: {problem}")
    if (version := found["schema_version"]).split(".")[0] != "1":
        raise DataError(f"{path} has schema_version {version}, this Sparring reads 1.x; install a newer one")
    statuses = {(row[0], row[1]): row[2] for row in found["samples"]}
    return Baseline(
        str(path), found["model"], found["threat"], found["suite"], found["drawn"], found["total"], statuses,
        found.get("risk"),
    )  # fmt: skip


def open_baseline(given: Run | Baseline | str | Path, runs: str | Path = "runs") -> Baseline:
    """A baseline from what a user may name one by: a run, a run folder, a `baseline.json`, a name.

    Args:
        given: What the user gave; a path that exists is never taken for a name.
        runs: Where the runs are that have names.

    Raises:
        DataError: It is missing, truncated or foreign.
        UsageError: It is a run that is incomplete or invalid.
    """
    if isinstance(given, Baseline):
        return given
    if isinstance(given, Run):
        return baseline_of(given)
    path = Path(given)
    if is_name(str(given)) and not path.exists() and (named := _named(str(given), Path(runs))) is not None:
        return baseline_of(load_run(named), str(given))
    return baseline_of(load_run(path), str(given)) if path.is_dir() else load_baseline(path)


def _named(name: str, runs: Path) -> Path | None:
    """The run that a name stands for."""
    from sparring.storage.index import (  # a database takes its time, and few callers come here
        catalogue,
        owner_of,
    )

    owner = owner_of(catalogue(runs), name)
    return None if owner is None else runs / owner.folder


def _fault_in_rows(rows: list[list[Any]]) -> str | None:
    for place, row in enumerate(rows):
        match row:
            case [str(), int(), status] if status in STATUSES:
                continue
        return f"samples[{place}] should be an id, a label and a status"
    return None
