"""`sparring audit`: attack a model, verify what was found, write the run folder."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from sparring.cli.engaged import tell_engagement
from sparring.cli.gate_options import (
    Allow,
    Allowed,
    AtEps,
    BaselinePath,
    ExitZero,
    Level,
    MaxDrop,
    MinClassAccuracy,
    MinRobustAccuracy,
    gates_of,
    verdict_code,
    worst,
)
from sparring.cli.groups import Address, Opening, Reading, taking
from sparring.cli.jobs import Job, jobs_of, loaded_surrogate, opened
from sparring.cli.options import (
    ConfigPath,
    DataSource,
    Limit,
    ModelSource,
    QueryCount,
    SampleCount,
    StoreUrl,
    SuiteName,
    SurrogateSource,
    ThreatText,
)

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.models import Model
    from sparring.storage import Run

__all__ = ["audit", "finish"]


@taking(Opening, Reading, Address)
def audit(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    threat: ThreatText = None,
    suite: SuiteName = "fast",
    queries: QueryCount = None,
    surrogate: SurrogateSource = None,
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Annotated[
        int, typer.Option(help="most samples at once; a matter of memory, changes no result", min=1)
    ] = 64,
    precision: Annotated[str, typer.Option(help="of the search: float32, bfloat16, float16")] = "float32",
    execution: Annotated[
        str,
        typer.Option(help="auto: measure faster ways to ask the model and take what pays; plain: as it is"),
    ] = "auto",
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path | None, typer.Option(help="run folder; default runs/<time>-<model>")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with an unfinished run of the same plan, if there is one")
    ] = False,
    workers: Annotated[
        int, typer.Option(help="processes that search together; changes no result", min=1)
    ] = 1,
    store: StoreUrl = None,
    min_robust_accuracy: MinRobustAccuracy = None,
    min_class_accuracy: MinClassAccuracy = None,
    max_drop: MaxDrop = None,
    baseline: BaselinePath = None,
    level: Level = 0.95,
    eps: AtEps = None,
    allow: Allow = None,
    exit_zero: ExitZero = False,
    config: ConfigPath = Path("sparring.toml"),
    as_json: Annotated[
        bool,
        typer.Option("--json", help="print result.json instead of a summary; of several audits, a line each"),
    ] = False,
) -> int:
    """Find out how many samples withstand an attacker, and keep the proof.

    Writes a run folder with a report. Nothing counts as broken until it was measured again. With a gate, the run is
    judged when it is done. What no option says is read from `sparring.toml`; if it asks for several audits, the exit
    code is the worst of theirs.

        sparring audit --model net.pt2 --data test.npz --threat linf:8/255 --sample 1000
    """
    jobs = jobs_of(context)
    _check(jobs)
    loaded, samples = opened(jobs[0])
    return worst([_audited(loaded, samples, job, several=len(jobs) > 1) for job in jobs])


def _check(jobs: list[Job]) -> None:
    """Refuse what makes no sense before anything is spent on an earlier audit."""
    from sparring.attacks.suites import stages_for
    from sparring.evaluation.gates import check_reading
    from sparring.threat import parse_threat, threat_kind, threat_text

    for job in jobs:
        threat = parse_threat(job["threat"])
        check_reading(gates_of(job), threat_text(threat))
        stages_for(job["suite"], threat_kind(threat))


def _audited(model: Model, samples: Samples, job: Job, several: bool) -> int:
    """Run one audit and print what came of it."""
    import sparring
    from sparring.cli.live import watching
    from sparring.errors import Interrupted

    gates, out, indent = gates_of(job), job["out"], None if several else 2
    tell_engagement(model)
    if several and out is not None:  # a folder each, named after what sets the audits apart
        named = f"{job['threat']}-{job['suite']}" + (f"-{job['queries']}" if job["queries"] else "")
        out = out / re.sub(r"[^\w.]+", "-", named)
    names = (
        "limit",
        "sample",
        "seed",
        "queries",
        "batch",
        "precision",
        "execution",
        "resume",
        "workers",
        "store",
        "baseline",
    )
    options = {name: job[name] for name in names}
    if job["surrogate"] is not None:
        options["surrogate"] = loaded_surrogate(job["surrogate"], job["device"])
    try:
        with watching(f"{model.name} under {job['threat']}") as watch:
            run = sparring.audit(
                model, samples, job["threat"], job["suite"], out=out, runs="runs",
                gates=gates if gates.demands else None, command=shlex.join(["sparring", *sys.argv[1:]]),
                watch=watch, **options,
            )  # fmt: skip
    except Interrupted as stop:
        finish(cast("Run", stop.findings), job["as_json"], indent=indent)
        raise
    return finish(run, job["as_json"], job["allow"], job["exit_zero"], indent)


def finish(
    run: Run, as_json: bool, allow: Allowed | None = None, exit_zero: bool = False, indent: int | None = 2
) -> int:
    """Print the summary, or the result for machines; the exit code of its verdict."""
    from rich.console import Console

    from sparring.reports import summary

    if as_json:
        sys.stdout.write(json.dumps(run.result, indent=indent, ensure_ascii=False) + "\n")
    else:
        Console().print(summary(run))
    return verdict_code(run.verdict, allow, exit_zero)
