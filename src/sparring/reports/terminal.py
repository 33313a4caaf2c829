"""The summary that an audit ends with in a terminal."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from sparring.reports import words
from sparring.reports.stages import stages
from sparring.storage import Run

__all__ = ["Bar", "summary"]

_TONES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "invalid": "magenta", "incomplete": "yellow"}
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


def summary(run: Run) -> RenderableType:
    """Verdict, accuracies, interval, stages, findings and where the report is, for `Console().print`."""
    return Group(*_verdict(run), Padding(_stages(run), (1, 0)), *_findings(run), *_folder(run))


def _verdict(run: Run) -> list[RenderableType]:
    result, broken = run.result, words.count_status(run, "broken")
    robust, correct, samples = result["robust"], result["clean_correct"], run.samples
    tone = _TONES.get(run.verdict, "bold")
    lines = [
        Text.assemble((run.verdict.upper(), f"bold {tone}"), f"  {result['model']['name']} under {result['threat']['text']}"),
        *(Text(reason) for reason in result["reasons"]),
        Text(""),
        Text.assemble(
            f"clean {words.percent(correct, samples)} → ",
            (f"robust {words.percent(robust, samples)}", "bold"),
            f"  ({robust:,} of {samples:,} withstood suite {result['suite']['name']})",
        ),
        Bar(robust, broken, samples - robust - broken),
        Text(f"robust {robust:,} · broken {broken:,} · wrong or unsettled {samples - robust - broken:,}", style="dim"),
        Text(words.interval(run), style="dim"),
    ]
    return lines


def _stages(run: Run) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("stage", overflow="fold")
    for name in ("tried", "broken", "unbroken", "passes"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage in stages(run):
        counts = (stage.tried, stage.broken, stage.unbroken, stage.passes)
        table.add_row(Text(stage.name), *(f"{count:,}" for count in counts))
    return table


def _findings(run: Run) -> list[RenderableType]:
    return [
        Text.assemble((f"{finding['severity']}: ", _SEVERITIES[finding["severity"]]), finding["message"])
        for finding in run.result["findings"]
    ]


def _folder(run: Run) -> list[RenderableType]:
    if run.folder is None:
        return []
    # a path that is cut at the edge of the terminal cannot be copied, so it is folded and never elided
    return [Text(f"report  {run.folder / 'report.html'}", overflow="fold")]
