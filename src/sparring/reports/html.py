"""The report of one run as one HTML file."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sparring.errors import UsageError
from sparring.reports import words
from sparring.reports.classes import classes
from sparring.reports.curves import plot
from sparring.reports.distances import distance_plot, distance_words, median_words
from sparring.reports.gallery import gallery
from sparring.reports.over_queries import nearer_over_queries, over_queries
from sparring.reports.stages import stages
from sparring.reports.table_changes import caught, changes
from sparring.storage import Run, replacing

__all__ = ["Headline", "headline", "page", "render_html", "save_html"]

CLASSES = 40
"""Rows of the table of classes: the least robust; thousands of rows help nobody."""


COLUMNS = 40
"""Rows of the table of changed columns: the most frequent."""


@dataclass(frozen=True)
class Headline:
    """The first thing a reader sees; `robust`, `broken`, `wrong` and `other` add up to `samples`.

    `smallest` is the median smallest change, where there is no budget.
    """

    verdict: str
    sentence: str
    meaning: str
    interval: str
    samples: int
    correct: int
    clean_percent: str
    percent: str
    robust: int
    broken: int
    wrong: int
    other: int
    smallest: str | None = None


def render_html(run: Run) -> str:
    """One page under 2 MB that stands alone: no scripts, nothing loaded, all text of strangers escaped."""
    lines = classes(run)
    return page(
        "report.html.j2",
        run=run,
        result=run.result,
        headline=headline(run),
        reasons=words.reasons(run),
        verified=words.verified(run),
        engagement=words.engagement(run),
        query_budget=words.query_budget(run),
        stages=stages(run),
        plot=plot([run]),
        distances=distance_words(run),
        distance_plot=distance_plot(run),
        exhibits=gallery(run),
        over_queries=over_queries(run),
        nearer_over_queries=nearer_over_queries(run),
        changes=changes(run)[:COLUMNS],
        caught=caught(run),
        classes=lines[:CLASSES],
        more_classes=max(0, len(lines) - CLASSES),
        **_facts(run.result),
    )


def save_html(text: str, path: str | Path) -> Path:
    """Write a rendered page, whole or not at all.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the file that the report shall become")
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def headline(run: Run) -> Headline:
    """Verdict and counts of `run`."""
    robust, broken = run.result["robust"], words.count_status(run, "broken")
    wrong = words.count_status(run, "clean_error")
    return Headline(
        verdict=run.verdict,
        sentence=words.verdict(run),
        meaning=words.meaning(run),
        interval=words.interval(run),
        samples=run.samples,
        correct=run.result["clean_correct"],
        clean_percent=words.clean_percent(run),
        percent=words.robust_percent(run),
        robust=robust,
        broken=broken,
        wrong=wrong,
        other=run.samples - robust - broken - wrong,
        smallest=median_words(run) if "distances" in run.result else None,
    )


def _facts(result: dict[str, Any]) -> dict[str, Any]:
    """What the template would have to compute."""
    model, data, seconds = result["model"], result["data"], result["seconds"]
    passes = result["forwards"] + result["backwards"]
    return {
        "on": ", ".join(filter(None, (model.get("device"), model.get("precision")))),
        "audited": f"{result['samples']:,}" + (f" of {data['total']:,}" if data.get("total") else ""),
        "shape": data.get("shape") or [],
        "per_second": f"{passes / seconds:,.0f} passes" if seconds > 0 else "",
    }


def page(template: str, **context: Any) -> str:
    """Fill one of the templates beside this file."""
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,  # class names, file names and messages come from strangers
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = words.percent
    environment.filters["thousands"] = lambda count: f"{count:,}"
    environment.filters["duration"] = duration
    return environment


def duration(seconds: float) -> str:
    """Seconds in the largest two units that matter.

    >>> duration(4.21), duration(75), duration(7320)
    ('4.2 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
