"""`sparring init`: write a `sparring.toml` from what can be seen in model and data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.groups import Address, Opening, Reading, taking
from sparring.cli.jobs import Job, opened
from sparring.cli.new_file import file_text, is_settled
from sparring.cli.options import DataSource, ModelSource, ThreatText

if TYPE_CHECKING:
    from sparring.data import Samples

__all__ = ["init"]


@taking(Opening, Reading, Address)
def init(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    threat: ThreatText = None,
    out: Annotated[Path, typer.Option(help="file to write")] = Path("sparring.toml"),
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> int:
    """Write a commented `sparring.toml`: what an audit needs, as far as model and data tell.

    Loads both, finds input range, missing or double normalisation, classes and 8-bit images, and asks for the rest,
    on a terminal only.

        sparring init --model net.py:make --data val/
    """
    from sparring.errors import UsageError
    from sparring.evaluation.doctor import examine
    from sparring.storage.files import replacing

    if out.exists() and not force:
        raise UsageError(
            f"{out} is there already; write over it with --force, or name another file with --out"
        )
    job = _asked(context.params)
    loaded, samples = opened(job)
    checks = examine(loaded, samples)
    threat = job["threat"] or _usual_threat(samples)
    text = file_text(job | {"threat": threat}, loaded, samples, checks, out.absolute().parent)
    with replacing(out) as path:
        path.write_text(text, encoding="utf-8")
    for check in checks:
        if check.status in ("warning", "error") and not is_settled(check, job):
            sys.stderr.write(f"{check.status}: {check.name}: {check.seen}\n")
    sys.stdout.write(f"{out}\n")
    return 0


def _asked(given: Job) -> Job:
    """What was given, and what only a person can know."""
    from sparring.errors import UsageError

    job = dict(given)
    for name, example in (("model", "net.py:make"), ("data", "test.npz")):
        if job[name] is None:
            if not _on_terminal():
                raise UsageError(f"init needs --{name}, for example --{name} {example}")
            job[name] = typer.prompt(f"{name}, for example {example}")
    if job["labels"] is None:
        job["labels"] = _label_column(job["data"])
    return job


def _label_column(data: str) -> str | None:
    """The label column of a table in which none has a usual name."""
    if not data.endswith(".parquet") or not _on_terminal():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sparring.data.table import LABELS

    try:
        columns = pq.read_schema(data).names
    except (OSError, pa.ArrowException):
        return None  # loading it says what is wrong
    if set(columns) & set(LABELS):
        return None
    return str(typer.prompt(f"label column, one of {', '.join(columns)}", default=columns[-1]))


def _usual_threat(samples: Samples) -> str:
    """8 of 255 grey levels for images; for all else only the user knows the units."""
    from sparring.errors import UsageError
    from sparring.threat import parse_threat

    if samples.domain.is_image:
        return "linf:8/255"
    if not _on_terminal():
        raise UsageError("init needs --threat in units of these data, for example --threat linf:0.1")
    return _until(parse_threat, "threat in units of the data, for example linf:0.1")


def _until(check: Callable[[str], Any], question: str) -> str:
    """Ask until the answer is one that makes sense."""
    from sparring.errors import SparringError

    while True:
        answer: str = typer.prompt(question)
        try:
            check(answer)
        except SparringError as error:
            sys.stderr.write(f"{error}\n")
        else:
            return answer


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
