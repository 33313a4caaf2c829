"""`sparring transfer`: make examples on models that are at hand and show them to one that is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.ending import command, finish
from sparring.cli.engaged import tell_engagement
from sparring.cli.groups import Address, Opening, Reading, taking
from sparring.cli.jobs import Job, opened, subject_of
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.engine import Progress
    from sparring.models import Model
    from sparring.threat import Threat
    from sparring.transfer import Beside, Shown

__all__ = ["transfer"]


@taking(Opening, Reading, Address)
def transfer(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    surrogate: Annotated[
        list[str] | None,
        typer.Option(
            help="a model that examples are made on, as for --model; with weights: net.py:make,weights.pth; for other "
            "inputs or classes than the target's: net.pt2,size=299,scale=255,classes=names.txt"
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="also make examples on the mean of all surrogates")
    ] = False,
    threat: Annotated[list[str] | None, typer.Option(help="linf:8/255, …; several are compared")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="mi, di-ti, ssm, bsr, …; several are compared")
    ] = None,
    wanted: Annotated[
        str | None,
        typer.Option(
            help="count only examples that come out as this class: next (the one after the label), a number, a name, "
            "or a file with one a line"
        ),
    ] = None,
    gradients: Annotated[
        int, typer.Option(help="what an example may cost, the same for every method", min=1)
    ] = 50,
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Annotated[int, typer.Option(help="most points at once; a matter of memory", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path, typer.Option(help="folder for result.json and report.html")] = Path("runs/transfer"),
    export: Annotated[
        str | None, typer.Option(help="also write the examples as files: png, jpeg-95 or jpeg-75")
    ] = None,
    queries: Annotated[
        int | None,
        typer.Option(
            help="then ask the target so often about each sample under the first threat: first about all its examples",
            min=3,
        ),
    ] = None,
    steal_queries: Annotated[
        int | None,
        typer.Option(
            "--steal",
            help="without a surrogate of your own: make two of so many answers, about samples that are not attacked",
            min=16,
        ),
    ] = None,
    toughen: Annotated[
        bool,
        typer.Option(
            "--toughen",
            help="also use each surrogate after light adversarial training on samples that are not attacked",
        ),
    ] = False,
    config: ConfigPath = Path("sparring.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a table")] = False,
) -> int:
    """Find out how often examples made on one model fool another that was not asked.

    A sample counts only if surrogate and target both got it right before. Every method may spend the same number of
    gradients. Examples are judged as they were made, and after they were written as files and read again.

        sparring transfer --model target.pt2 --surrogate mine.pt2 --data test.npz --threat linf:8/255
    """
    from sparring.api import chosen
    from sparring.cli.live import searching
    from sparring.cli.transfer_surrogates import surrogates_of
    from sparring.cli.wanted import wanted_classes
    from sparring.reports.rooms.transfer import render_transfer, transfer_summary
    from sparring.reports.rooms.transfer_gallery import transfer_gallery
    from sparring.threat import parse_threat
    from sparring.transfer import transfer_table

    job = _checked(subject_of(context))
    target, whole = opened(job)
    tell_engagement(target)
    samples, began = chosen(whole, limit, sample), time.monotonic()
    threats, methods = [parse_threat(each) for each in threat or ["linf:8/255"]], method or ["mi", "admix"]
    classes = wanted_classes(wanted, samples, target)
    own = surrogates_of(job, target, whole, samples, threats[0])
    groups = [[each] for each in own] + ([own] if ensemble and len(own) > 1 else [])
    first = _First(target, samples, threats[0], wanted, gradients, seed, batch)
    made: list[Shown] = []
    keep = _keeper(first, made, out, export)
    with searching(f"transfer to {target.name}") as watch:
        lines = list(transfer_table(
            groups, [target], samples, threats, methods, gradients, seed=seed, batch=batch,
            wanted=classes, keep=keep, watch=watch,
        ))  # fmt: skip
        beside = _beside(first, made, watch)
    stolen = {} if steal_queries is None else {"stolen": {"queries": steal_queries}}
    body: dict[str, Any] = {"lines": [asdict(line) for line in lines], "wanted": wanted, **stolen}
    if queries is not None:
        body["refined"] = _refined(first, own, made, methods[0], queries)
    document = _document(first, body, beside, time.monotonic() - began)
    page = render_transfer(document, transfer_gallery(made, samples))
    finish(document, page, transfer_summary(document), out, as_json)
    return 0


@dataclass(frozen=True)
class _First:
    """The first threat on the target, which more is found out about than the table says."""

    target: Model
    samples: Samples
    threat: Threat
    wanted: str | None
    gradients: int
    seed: int
    batch: int


def _checked(job: Job) -> Job:
    """The same job, if nothing is missing or contradicts itself.

    Raises:
        UsageError: It has no target, no data or no surrogate, or wants two things at once.
    """
    from sparring.errors import UsageError

    if job["model"] is None or job["data"] is None or not (job["surrogate"] or job["steal_queries"]):
        raise UsageError(
            "a transfer needs a target, data and a surrogate: sparring transfer --model target.pt2 "
            "--surrogate mine.pt2 --data test.npz; --steal 1000 makes a surrogate of answers"
        )
    if job["wanted"] is not None and job["queries"] is not None:
        raise UsageError("--queries looks for any error, --wanted for a class; give one of them")
    return job


def _keeper(first: _First, made: list[Shown], out: Path, medium: str | None) -> Callable[[Shown], None]:
    """What adds the examples for the first threat to `made`, and writes all as files if that is wanted."""
    from sparring.errors import UsageError
    from sparring.threat import threat_text
    from sparring.transfer import MEDIA, export_examples, origin

    if medium is not None and medium not in MEDIA:
        raise UsageError(f"unknown kind of file {medium!r} for --export; known are {', '.join(MEDIA)}")

    def keep(shown: Shown) -> None:
        if shown.threat == threat_text(first.threat):
            made.append(shown)
        if medium is not None:
            settings = {"wanted": first.wanted, "gradients": first.gradients, "seed": first.seed}
            told = origin(shown.surrogates, method=shown.method, threat=shown.threat, **settings)
            name = f"{shown.origin}-{shown.method}-{shown.threat}".replace("/", "_")
            export_examples(shown.points, first.samples, out / "examples" / name, medium, told)

    return keep


def _beside(first: _First, made: list[Shown], watch: Callable[[str, Progress], None]) -> Beside | None:
    """The examples beside the target's own gradients, if it has any and any error will do."""
    from sparring.threat import threat_text
    from sparring.transfer import beside_gradients

    if first.wanted is not None or not first.target.gradients:
        return None
    name = threat_text(first.threat)
    told = partial(watch, f"{first.target.name}'s own gradients under {name}")
    return beside_gradients(
        first.target, first.samples, first.threat, [each.points for each in made], first.gradients,
        seed=first.seed, batch=first.batch, progress=told,
    )  # fmt: skip


def _refined(
    first: _First, surrogates: list[Model], made: list[Shown], method: str, queries: int
) -> dict[str, Any]:
    """What queries make of all examples, then of larger ones that all surrogates made together.

    They are shown in a fixed order, each for a query: none is picked by answers that were not paid for.
    """
    from sparring.transfer import craft, refine

    wide, paid = replace(first.threat, eps=4 * first.threat.eps), max(first.gradients, len(surrogates))
    far = craft(surrogates, first.samples, wide, method, paid, seed=first.seed).points
    near = [each.points for each in made[: queries - 1]]
    found = refine(first.target, first.samples, first.threat, [*near, far], queries, seed=first.seed)
    return {
        "queries": queries,
        "examples": len(near),
        "samples": len(first.samples),
        "wrong": int(found.success.sum()),
        "asked": int(found.queries.sum()),
    }


def _document(first: _First, body: dict[str, Any], beside: Beside | None, seconds: float) -> dict[str, Any]:
    """What is written as `result.json`."""
    from sparring.storage.envelope import envelope
    from sparring.threat import threat_text

    if beside is not None:
        body |= {"beside_gradients": {"threat": threat_text(first.threat), **asdict(beside)}}
    return envelope(
        "transfer", body, samples=len(first.samples), seed=first.seed, seconds=seconds,
        findings=[] if beside is None else beside.findings, command=command(),
    )  # fmt: skip
