"""Does a run folder agree with itself? Every file is held against the others."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sparring.storage.run import Run
from sparring.storage.sums import SUMS, changed_since

__all__ = ["contradictions"]


def contradictions(run: Run) -> list[str]:
    """What in the folder of `run` does not fit together, a sentence each; none if it is whole."""
    rows = run.records.to_pylist()
    return [*_of_files(run), *_of_counts(run, rows), *_of_examples(run, rows), *_of_attempts(run, rows)]


def _of_files(run: Run) -> list[str]:
    changed = None if run.folder is None else changed_since(run.folder)
    return [
        f"{name} was changed after it was written: its SHA-256 is not that in {SUMS}"
        for name in changed or []
    ]


def _of_counts(run: Run, rows: list[dict[str, Any]]) -> list[str]:
    """`result.json` against the records."""
    result, statuses = run.result, Counter(row["status"] for row in rows)
    correct = sum(row["prediction"] == row["label"] for row in rows)
    unsettled = statuses["unfinished"]
    twice = len(rows) - len({(row["id"], row["label"]) for row in rows})
    answered = [row for row in rows if row["prediction"] >= 0]
    wrong = sum((row["prediction"] == row["label"]) == (row["status"] == "clean_error") for row in answered)
    found = [
        (twice, f"{twice} samples stand twice in the records"),
        (wrong, f"{wrong} records have a status that their clean prediction contradicts"),
        (
            result["clean_correct"] != correct,
            f"result.json counts {result['clean_correct']} samples that are correct when clean, the records {correct}",
        ),
        (
            result["verdict"] != "incomplete" and unsettled,
            f"{unsettled} samples are unfinished, and the verdict is {result['verdict']}",
        ),
    ]
    return [sentence for applies, sentence in found if applies]


def _of_examples(run: Run, rows: list[dict[str, Any]]) -> list[str]:
    """The records of broken samples against the tensors, and their distances against the budget."""
    broken = [row for row in rows if row["status"] == "broken"]
    kept = Counter(run.tensors["index"].tolist()) if "index" in run.tensors else Counter()
    apart = sum((Counter(row["index"] for row in broken) - kept).values())
    extra = sum((kept - Counter(row["index"] for row in broken)).values())
    unsure, eps = sum(not row["verified"] for row in broken), run.result["threat"]["eps"]
    far = 0 if eps is None else sum((row["distance"] or 0) > eps + 1e-5 * max(eps, 1.0) for row in broken)
    strange = sum(not bool(example.isfinite().all()) for example in run.tensors.get("adversarial", ()))
    found = [
        (apart, f"{apart} broken samples have no adversarial example"),
        (extra, f"{extra} adversarial examples belong to no broken sample"),
        (unsure, f"{unsure} samples count as broken and were not verified"),
        (far, f"{far} adversarial examples are recorded at a distance beyond {run.result['threat']['text']}"),
        (strange, f"{strange} adversarial examples have values that are not numbers"),
    ]
    return [sentence for applies, sentence in found if applies]


def _of_attempts(run: Run, rows: list[dict[str, Any]]) -> list[str]:
    """The attempts against the records: nothing breaks without one."""
    hits, ids = set(), {row["id"] for row in rows}
    tried = run.attempts.select(["id", "stage", "outcome"]).to_pylist()
    hits = {(each["id"], each["stage"]) for each in tried if each["outcome"] == "broken"}
    strangers = len({each["id"] for each in tried} - ids)
    lone = sum(row["status"] == "broken" and (row["id"], row["attack"]) not in hits for row in rows)
    found = [
        (strangers, f"{strangers} samples were attacked that the records do not have"),
        (lone, f"{lone} samples are broken by a stage that has no such attempt"),
    ]
    return [sentence for applies, sentence in found if applies]
