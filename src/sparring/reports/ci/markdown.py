"""The report of one run as Markdown, for a pull request or the summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sparring.reports import words
from sparring.reports.ci.checks import checks
from sparring.reports.ci.inline import code, fenced, prose
from sparring.reports.ci.next_step import next_step
from sparring.reports.classes import classes
from sparring.reports.distances import distance_words, median_words
from sparring.reports.html import duration
from sparring.reports.over_queries import nearer_over_queries, over_queries
from sparring.reports.table_changes import caught, changes
from sparring.storage import Run

__all__ = ["LIMIT", "render_markdown"]

LIMIT = 60_000
"""Bytes; GitHub refuses comments of more than 65,536 characters."""

_CLASSES, _LINES, _COMMAND = 5, 20, 4_000


def render_markdown(run: Run) -> str:
    """Verdict first, then the numbers, gates, least robust classes, findings and one next command."""
    result = run.result
    head = [
        f"## Sparring: {run.verdict}",
        "",
        f"**{words.verdict(run)}** {code(result['model']['name'])} under {code(result['threat']['text'])}.",
        "",
        *_table(run),
        "",
        prose(words.meaning(run), 2_000),
    ]
    body = [
        *_section("Gates", _gates(run)),
        *_section("Least robust classes", _worst(run)),
        *_section("Broken over queries", _over_queries(run)),
        *_section("Smallest change over queries", _nearer(run)),
        *_section("Columns changed in broken rows", _changed(run)),
        *_section("Findings", _findings(run)),
    ]
    end = _next(run)
    room = LIMIT - sum(len(line.encode()) + 1 for line in [*head, *end])
    return "\n".join([*head, *_fitting(body, room), *end]) + "\n"


def _table(run: Run) -> list[str]:
    result = run.result
    correct = result["clean_correct"]
    cost = f"{result['forwards']:,} forward and {result['backwards']:,} backward passes, "
    rows = {
        **_figures(run),
        "clean accuracy": f"{words.clean_percent(run)} ({correct:,} of {run.samples:,})",
        "suite": f"{prose(result['suite']['name'], 80)}, seed {result['seed']}",
        "breaks": words.verified(run),
        "cost": cost + duration(result["seconds"]),
    }
    if before_and_after := caught(run):
        rows["classes"] = prose(before_and_after)
    if budget := words.query_budget(run):
        rows["queries"] = budget
    if engagement := words.engagement(run):
        rows["allowed by"] = prose(engagement)
    return ["| | |", "|:--|:--|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _figures(run: Run) -> dict[str, str]:
    """Robust accuracy and its interval, or the smallest changes where there is no budget."""
    if "distances" in run.result:
        return {"median smallest change": f"**{median_words(run)}**", "distances": prose(distance_words(run))}
    robust = run.result["robust"]
    return {
        "robust accuracy": f"**{words.robust_percent(run)}** ({robust:,} of {run.samples:,})",
        "interval": prose(words.interval(run)),
    }


def _gates(run: Run) -> list[str]:
    """What each gate said; without gates, why the verdict is what it is, where there is more to say."""
    if not run.result.get("gates"):
        return [f"- {prose(str(reason))}" for reason in run.result["reasons"]]
    return [
        f"- **{prose(check.outcome)}**: {prose(check.text)}"
        + (f" ({prose(check.reason)})" if check.reason else "")
        for check in checks(run)
    ]


def _worst(run: Run) -> list[str]:
    return [
        f"- {code(line.name)}: {words.percent(line.robust, line.samples)} robust"
        f" ({line.robust:,} of {line.samples:,}), {words.percent(line.clean, line.samples)} clean"
        for line in classes(run)[:_CLASSES]
    ]


def _over_queries(run: Run) -> list[str]:
    return [
        f"- {mark.queries:,} queries: {mark.broken:,} broken, {mark.share} of those correct"
        + (f" ({mark.interval})" if mark.interval else "")
        for mark in over_queries(run)
    ]


def _nearer(run: Run) -> list[str]:
    return [
        f"- {line.queries:,} queries: {prose(line.median)} at the median"
        + (f" ({prose(line.interval)})" if line.interval else "")
        + f", {line.found:,} samples broken by some change"
        for line in nearer_over_queries(run)
    ]


def _changed(run: Run) -> list[str]:
    """Columns of a table, in their own units."""
    return [
        f"- {code(line.name)}: in {line.share}, by {line.usual} in the median, {line.largest} at most"
        for line in changes(run)[:_CLASSES]
    ]


def _findings(run: Run) -> list[str]:
    return [f"- **{finding['severity']}**: {prose(finding['message'])}" for finding in run.result["findings"]]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    more = [f"- and {len(lines) - _LINES:,} more, in the report"] if len(lines) > _LINES else []
    return ["", f"### {title}", "", *lines[:_LINES], *more]


def _next(run: Run) -> list[str]:
    step = next_step(run)
    if len(step.command.encode()) > _COMMAND:  # half a command is worse than none
        return []
    return ["", f"**Next.** {step.why}:", "", fenced(step.command)]


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """As many lines as fit into `room` bytes, from the first."""
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept
