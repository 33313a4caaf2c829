"""The summary that an audit ends with in a terminal."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sparring.reports import words
from sparring.reports.distances import distance_words, median_words
from sparring.reports.stages import Stage, stages
from sparring.reports.table_changes import caught
from sparring.storage import Run
from sparring.storage.audit_log import has_log, head

__all__ = ["Bar", "StageTable", "summary"]

_TONES = {
    "pass": "green",
    "fail": "red",
    "inconclusive": "yellow",
    "invalid": "magenta",
    "incomplete": "yellow",
}
_SEVERITIES = {"note": "cyan", "warning": "yellow", "error": "red"}
_WIDEST = 60


@dataclass(frozen=True)
class Bar:
    """Shares of a whole as a bar that fits any width and can be read without colour."""

    robust: int
    broken: int
    rest: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, _WIDEST)
        total = max(self.robust + self.broken + self.rest, 1)
        first, second = round(width * self.robust / total), round(width * (self.robust + self.broken) / total)
        full, half, thin = "#=." if options.ascii_only else "█▒░"
        yield Segment(full * first, Style(color="blue"))
        yield Segment(half * (second - first), Style(color="red"))
        yield Segment(thin * (width - second), Style(dim=True))
        yield Segment.line()


@dataclass(frozen=True)
class StageTable:
    """What each stage did; a narrow terminal gets fewer columns, never shortened numbers."""

    lines: tuple[Stage, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = (
            ("tried", "broken", "unbroken", "passes") if options.max_width >= 52 else ("broken", "unbroken")
        )
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("stage", overflow="fold")
        for name in shown:
            table.add_column(name, justify="right", no_wrap=True)
        for line in self.lines:
            table.add_row(Text(line.name), *(f"{getattr(line, name):,}" for name in shown))
        yield table


def summary(run: Run) -> RenderableType:
    """Verdict, accuracies, interval, stages, findings and where the report is, for `Console().print`."""
    return Group(
        *_verdict(run), Padding(StageTable(tuple(stages(run))), (1, 0)), *_findings(run), *_folder(run)
    )


def _verdict(run: Run) -> list[RenderableType]:
    result, broken = run.result, words.count_status(run, "broken")
    robust, samples = result["robust"], run.samples
    rest = samples - robust - broken
    title = f"  {result['model']['name']} under {result['threat']['text']}"
    return [
        Text.assemble((run.verdict.upper(), f"bold {_TONES.get(run.verdict, 'blue')}"), title),
        *_gates(run),
        *map(Text, words.reasons(run)),
        *_open_end(run),
        Text(""),
        _figure(run),
        Bar(robust, broken, rest),
        Text(f"robust {robust:,} · broken {broken:,} · wrong or unsettled {rest:,}", style="dim"),
        Text(distance_words(run) or words.interval(run), style="dim"),
        *(
            Text(line, style="dim")
            for line in (caught(run), words.query_budget(run), words.engagement(run))
            if line
        ),
    ]


def _figure(run: Run) -> Text:
    """The figure that matters: robust accuracy, or the median smallest change where there is no budget."""
    clean = f"clean {words.clean_percent(run)} → "
    if "distances" in run.result:
        return Text.assemble(clean, (f"median smallest change {median_words(run)}", "bold"))
    return Text.assemble(
        clean,
        (f"robust {words.robust_percent(run)}", "bold"),
        f"  ({words.counted(run)})",
    )


def _gates(run: Run) -> list[RenderableType]:
    """A line for each gate."""
    return [
        Text.assemble(
            (f"{gate['verdict']}: ", _TONES.get(gate["verdict"], "blue")), f"{gate['text']}: {gate['reason']}"
        )
        for gate in run.result.get("gates") or []
    ]


def _open_end(run: Run) -> list[RenderableType]:
    """What robust accuracy can still be where samples are not settled."""
    rest = words.left_over(run)
    return [Text(f"left over: {rest}; robust accuracy is at most {words.at_most(run)}")] if rest else []


def _findings(run: Run) -> list[RenderableType]:
    notes = [*run.result["model"].get("notes", []), *run.result["data"].get("notes", [])]
    told = [("note", note) for note in notes]
    told += [(finding["severity"], finding["message"]) for finding in run.result["findings"]]
    return [Text.assemble((f"{severity}: ", _SEVERITIES[severity]), message) for severity, message in told]


def _folder(run: Run) -> list[RenderableType]:
    if run.folder is None:
        return []
    # a path that is cut at the edge of the terminal cannot be copied, so it is folded and never elided
    lines: list[RenderableType] = [Text(f"report  {run.folder / 'report.html'}", overflow="fold")]
    if has_log(run.folder):
        lines.append(Text(f"log     ends with {head(run.folder)}", style="dim", overflow="fold"))
    return lines
