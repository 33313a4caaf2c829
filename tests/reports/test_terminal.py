import io

import pytest
from rich.console import Console

from sparring.reports import summary
from sparring.reports.terminal import Bar
from sparring.storage import Run, save_run
from tests.reports.runs import make_run


def shown(renderable, width=100, **options):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, **options)
    console.print(renderable)
    return console.file.getvalue()


def test_the_verdict_comes_first_and_the_numbers_follow():
    run = make_run(60)
    lines = shown(summary(run), no_color=True, color_system=None).splitlines()
    assert lines[0].startswith("MEASURED")
    text = "\n".join(lines)
    assert f"robust {run.robust_accuracy:.1%}" in text
    assert f"clean {run.clean_accuracy:.1%}" in text
    assert "95% interval: 20.1% to 31.2%" in text
    assert "note: 3 samples have no gradient." in text
    assert all(stage in text for stage in ("apgd-ce", "apgd-t", "fab-t", "square"))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width):
    text = shown(summary(make_run(60)), width, no_color=True, color_system=None)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_the_bar_can_be_read_without_colour_and_in_ascii():
    assert shown(Bar(1, 1, 2), 40, no_color=True, color_system=None).strip() == "█" * 10 + "▒" * 10 + "░" * 20
    narrow = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=8)
    with narrow.capture() as captured:
        narrow.print(Bar(1, 1, 2))
    assert captured.get().strip() == "##==...."


def test_a_bar_of_nothing_is_empty():
    assert shown(Bar(0, 0, 0), 10, color_system=None).strip() == "░" * 10


def test_text_of_strangers_is_no_markup():
    run = make_run(10, reasons=["[red]a[/red]"])
    result = run.result | {"model": {"name": "[bold]net[/bold]"}}
    text = shown(summary(Run(result, run.records, run.attempts)), color_system=None)
    assert "[bold]net[/bold]" in text
    assert "[red]a[/red]" in text


def test_a_saved_run_says_where_its_report_is(tmp_path):
    run = save_run(make_run(10), tmp_path)
    assert "report.html" in shown(summary(run), 400, color_system=None)
    assert "report.html" not in shown(summary(make_run(10)), 400, color_system=None)
