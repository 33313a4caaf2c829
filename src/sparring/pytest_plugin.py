"""The pytest plugin: a run folder for every `sparring.check` in a test, options for all of them, verdicts at the end.

Nothing of Sparring's own is loaded before a test uses it: pytest starts as fast as without.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sparring.session import Session, current

if TYPE_CHECKING:
    from sparring.storage import Run

__all__ = ["pytest_addoption", "pytest_runtest_protocol", "pytest_terminal_summary"]

LINE = "sparring"
"""The property of a test report that the summary shows."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for every check."""
    group = parser.getgroup("sparring", "adversarial robustness")
    group.addoption(
        "--sparring-out", type=Path, metavar="DIR",
        help="run folder and reports of every sparring.check; default: in pytest's cache, without reports",
    )  # fmt: skip
    group.addoption(
        "--sparring-suite", metavar="NAME", help="suite for every check; smoke may fail, it never passes"
    )
    group.addoption(
        "--sparring-sample", type=int, metavar="N", help="number of drawn samples for every check"
    )
    group.addoption(
        "--sparring-allow", choices=["inconclusive"], help="verdict that does not fail a check, besides pass"
    )
    group.addoption(
        "--sparring-no-cache", action="store_true", help="search again, also where nothing changed"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Say to the checks of this test what the options say; fixtures are included."""
    token = current.set(_session(item))
    try:
        return (yield)
    finally:
        current.reset(token)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line per check; the reports of pytest-xdist's workers carry them too."""
    reports = (report for group in terminalreporter.stats.values() for report in group)
    ended = [report for report in reports if getattr(report, "when", None) == "teardown"]
    lines = [
        f"{report.nodeid}: {text}"
        for report in ended
        for name, text in report.user_properties
        if name == LINE
    ]
    if lines:
        terminalreporter.section("robustness")
        for line in lines:
            terminalreporter.line(line)


def _session(item: pytest.Item) -> Session:
    config = item.config
    allow, sample = config.getoption("sparring_allow"), config.getoption("sparring_sample")
    if sample is not None and sample < 1:
        raise pytest.UsageError(f"--sparring-sample {sample}: draw at least one sample")
    return Session(
        folders=_folders(item),
        reports=config.getoption("sparring_out") is not None,
        again=config.getoption("sparring_no_cache"),
        suite=config.getoption("sparring_suite"),
        sample=sample,
        allow=() if allow is None else (allow,),
        tell=lambda run: item.user_properties.extend(_properties(run)),
    )


def _folders(item: pytest.Item) -> Iterator[Path]:
    """Folders named after the test, numbered from the second; none if there is no place for them."""
    home = _home(item.config)
    if home is None:
        return
    plain = re.sub(r"[^\w.]+", "-", item.nodeid).strip("-")[-100:]
    name = f"{plain}-{sha256(item.nodeid.encode()).hexdigest()[:8]}"  # what the first part cannot tell apart
    yield home / name
    yield from (home / f"{name}-{number}" for number in count(2))


def _home(config: pytest.Config) -> Path | None:
    out: Path | None = config.getoption("sparring_out")
    if out is not None:
        return config.invocation_params.dir / out
    cache = getattr(config, "cache", None)  # -p no:cacheprovider
    return None if cache is None else cache.mkdir("sparring")


def _properties(run: Run) -> list[tuple[str, object]]:
    """What JUnit reports and the summary tell of a run."""
    result, interval = run.result, run.result["interval"]
    values = {
        "verdict": run.verdict,
        "robust_accuracy": run.robust_accuracy,
        "interval": interval and f"{interval['low']} to {interval['high']} at level {interval['level']}",
        "samples": run.samples,
        "threat": result["threat"]["text"],
        "suite": result["suite"]["name"],
        "seed": result["seed"],
        "model_digest": result["model"]["digest"],
        "folder": run.folder and str(run.folder),
    }
    left = "not broken at all" if "distances" in result else "robust"
    line = (
        f"{run.verdict}: {result['robust']} of {run.samples} {left} ({run.robust_accuracy:.1%}) under "
        f"{values['threat']}, suite {values['suite']}{f', in {run.folder}' if run.folder else ''}"
    )
    told = [(f"sparring_{name}", value) for name, value in values.items() if value is not None]
    return [(LINE, line), *told]
