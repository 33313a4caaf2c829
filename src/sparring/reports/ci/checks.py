"""What a run was held against, and what came out: one reading for every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparring.evaluation.gates.judging import UNTRUSTED
from sparring.reports import words
from sparring.reports.distances import median_words
from sparring.storage import Run

__all__ = ["Check", "checks", "measured"]


@dataclass(frozen=True)
class Check:
    """One gate of a run, or the verdict itself where no gate says it.

    Attributes:
        rule: Stable name, `gate.<name of the gate>` or `verdict`.
        name: Name of the gate; `measured` or `verdict` without one.
        text: What was demanded.
        outcome: One of the verdicts. No gate passes or fails in a run that cannot be trusted.
        reason: Why, one or more sentences; may be empty.
        needed: Samples that would decide, if known.
    """

    rule: str
    name: str
    text: str
    outcome: str
    reason: str
    needed: int | None = None

    @property
    def line(self) -> str:
        """The check in one line."""
        parts = (self.text,) if self.rule == "verdict" else (self.text, self.outcome)
        return ": ".join([*parts, *filter(None, [self.reason])])


def checks(run: Run) -> list[Check]:
    """A check per gate, and one for the verdict where no gate says the same; never empty."""
    gates = run.result.get("gates") or []
    found = [_check(run, gate) for gate in gates]
    if run.verdict in {check.outcome for check in found}:
        return found
    name = "verdict" if gates else "measured"
    return [*found, Check("verdict", name, words.verdict(run), run.verdict, "; ".join(words.reasons(run)))]


def measured(run: Run) -> str:
    """What was counted, in one line.

    The numbers are the same in every format, so that a reader can tell which run a line is about.
    """
    result, interval = run.result, run.result["interval"]
    if "distances" in result:
        return (
            f"median smallest change of {words.noun(run, run.samples)}: {median_words(run)}"
            f" under {result['threat']['text']} by suite {result['suite']['name']}"
        )
    share = words.robust_percent(run)
    if interval is not None:
        share += f"; {interval['level']:.0%} interval {interval['low']:.1%} to {interval['high']:.1%}"
    return (
        f"{result['robust']:,} of {words.noun(run, run.samples)} robust ({share})"
        f" under {result['threat']['text']} by suite {result['suite']['name']}"
    )


def _check(run: Run, gate: Mapping[str, Any]) -> Check:
    trusted = run.verdict not in UNTRUSTED
    return Check(
        rule=f"gate.{gate['name']}",
        name=str(gate["name"]),
        text=str(gate["text"]),
        outcome=str(gate["verdict"]) if trusted else run.verdict,
        reason=str(gate.get("reason") or "") if trusted else "; ".join(words.reasons(run)),
        needed=gate.get("needed"),
    )
