"""What to do after a verdict: one command."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sparring.evaluation.gates.judging import ONLY_FAILS
from sparring.evaluation.risk import risk_of
from sparring.reports.ci.checks import checks
from sparring.storage import Run

__all__ = ["NextStep", "next_step"]


@dataclass(frozen=True)
class NextStep:
    """Why, as a phrase, and the command."""

    why: str
    command: str


def next_step(run: Run) -> NextStep:
    """The one thing that helps most after this verdict."""
    folder = shlex.quote(run.folder.as_posix()) if run.folder else "RUN"
    command = run.result.get("command")
    if command and (again := _again(run, command)):
        return again
    match run.verdict:
        case "measured" if command and risk_of(run.result).given_up:
            gated = _having(command, ["--min-robust-accuracy"], "--min-robust-accuracy", _floor(run))
            return NextStep("Set a gate, for which some of the samples given up are checked", gated)
        case "measured":
            return NextStep(
                "Set a gate", f"sparring gate {folder} --min-robust-accuracy {_floor(run)}{_at(run)}"
            )
        case "pass":
            return NextStep(
                "Hold the next model against this one",
                f"sparring gate NEXT_RUN --baseline {folder} --max-drop 0.02",
            )
    return NextStep("See what broke, and how", f"sparring report {folder} --format html")


def _again(run: Run, command: str) -> NextStep | None:
    """The audit that would say more, if one would; `command` made this one."""
    weak = run.result["suite"]["name"] in ONLY_FAILS
    match run.verdict:
        case "measured" | "inconclusive" if weak:
            stronger = _having(command, ["--suite"], "--suite", "standard")
            return NextStep("Search with a suite that may pass a model", stronger)
        case "inconclusive":
            options = _more(run)
            if not options and risk_of(run.result).given_up:
                return NextStep("Give nothing up", _having(command, ["--suite"], "--suite", "standard"))
            more = _having(command, ["--sample", "--limit"], *options)
            return NextStep("Let more samples decide", more)
        case "incomplete":
            return NextStep("Audit again, to the end", command)
        case "invalid":
            return NextStep("Repair what the findings name, then audit again", command)
    return None


def _floor(run: Run) -> str:
    """A minimum that these samples would pass, in whole percent."""
    interval, found = run.result["interval"], run.result.get("distances")
    low = run.robust_accuracy if interval is None else interval["low"]
    if found is not None:
        low = max(0.0, found["robust"][len(found["eps"]) // 2] / max(run.samples, 1) - (found["band"] or 0))
    return f"{math.floor(100 * low) / 100:g}"


def _at(run: Run) -> str:
    """The size that a gate is about, where the run has no budget: the median of those that were found."""
    found = run.result.get("distances")
    return "" if found is None else f" --eps {found['eps'][len(found['eps']) // 2]:.3g}"


def _more(run: Run) -> list[str]:
    """The option for as many samples as decide every gate; none, which is all samples, if nobody knows a number."""
    needed = max((check.needed for check in checks(run) if check.needed), default=None)
    return [] if needed is None else ["--sample", str(needed)]


def _having(command: str, options: Sequence[str], *words: str) -> str:
    """`command` with `words` in the place of `options` and their values.

    >>> _having("sparring audit --model 'a b.pt2' --limit 50", ["--sample", "--limit"], "--sample", "900")
    "sparring audit --model 'a b.pt2' --sample 900"
    """
    try:
        old = shlex.split(command)
    except ValueError:  # it was not written by a shell's rules; better untouched than mangled
        return command
    kept = [
        word
        for before, word in pairwise(["", *old])
        if not {before, word, word.split("=")[0]}.intersection(options)
    ]
    return shlex.join([*kept, *words])
