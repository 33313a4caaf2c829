"""`sparring train`: make a model robust, then audit what came of it."""

from __future__ import annotations

import json
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.jobs import Job, loaded_data, loaded_model, training_of
from sparring.cli.options import (
    ConfigPath,
    DataSource,
    Limit,
    ModelSource,
    SampleCount,
    SuiteName,
    ThreatText,
)

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.hardening import Trained
    from sparring.storage import Run
    from sparring.training import Recipe, Setup

__all__ = ["train"]


SMALL = "small"
"""What stands for a small net with fresh weights."""


class OptimiserName(StrEnum):
    """Optimisers that the command line knows."""

    adam = "adam"
    sgd = "sgd"


@taking(Opening, Reading)
def train(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    threat: ThreatText = None,
    objective: Annotated[str, typer.Option(help="pgd, trades, mart, n-fgsm, fgsm-rs, plain")] = "pgd",
    epochs: Annotated[
        int | None,
        typer.Option(
            help="how often each sample is learned from; default 10, or as many as make 1,000 updates",
            min=1,
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="as many epochs as fit into this time, instead of --epochs")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="of the attack inside; default 10", min=1)] = None,
    awp: Annotated[
        float | None, typer.Option(help="adversarial weight perturbation of this size, 0.005 say")
    ] = None,
    warm_up: Annotated[
        float, typer.Option(help="share of the training over which eps grows; 0.3 helps at a large eps")
    ] = 0.0,
    optimiser: Annotated[OptimiserName, typer.Option(help="how weights move")] = OptimiserName.adam,
    learning_rate: Annotated[
        float | None, typer.Option(help="highest learning rate; default 0.001 for adam, 0.1 for sgd")
    ] = None,
    minibatch: Annotated[int, typer.Option(help="samples that one update learns from", min=1)] = 128,
    averaging: Annotated[
        float | None, typer.Option(help="keep a running average of the weights, 0.999 say")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="end when so many epochs did not help on held-out samples", min=1)
    ] = None,
    shift: Annotated[int, typer.Option(help="images: move each by up to so many pixels", min=0)] = 0,
    mirror: Annotated[bool, typer.Option("--mirror", help="images: mirror every other one")] = False,
    held_out: Annotated[
        int | None,
        typer.Option(help="samples that choose the best epoch; default a tenth, 500 at most", min=1),
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="data for the closing audit; else some of --data are kept apart for it")
    ] = None,
    extra: Annotated[str | None, typer.Option(help="more data to learn from, half of each minibatch")] = None,
    suite: SuiteName = "fast",
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Annotated[
        int | None, typer.Option(help="most samples computed at once; a larger minibatch is added up", min=1)
    ] = None,
    precision: Annotated[str, typer.Option(help="of heavy operations: float32, bfloat16")] = "float32",
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="images pixel by pixel in memory, for tensor cores")
    ] = False,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path, typer.Option(help="folder for weights, report and audit")] = Path("runs/train"),
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with the training in --out, if there is one")
    ] = False,
    config: ConfigPath = Path("sparring.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a summary")] = False,
) -> int:
    """Make a model robust by training it against an attacker, then audit it on samples it never saw.

    Fine-tunes a model of yours, or trains a small net from nothing (`--model small`). Writes weights, a report with the
    curve of clean and robust accuracy, and the run folder of the audit. What no option says is in `sparring.toml`.

        sparring train --model net.py:make --weights net.safetensors --data train/ --threat linf:8/255 --minutes 30
    """
    from sparring.hardening.processes import processes

    job = training_of(context)
    with processes() as first:
        trained = _trained(job, first)
        return _closed(job, trained) if first else 0


def _trained(job: Job, first: bool) -> Trained:
    """The training itself; the first of several processes shows it."""
    import sparring
    from sparring.cli.teaching import teaching

    model, samples = _given(job)
    with teaching(f"{job['model']} against {job['threat']}", shown=first) as watch:
        return sparring.train(
            model, samples, job["threat"], job["objective"], watch=watch,
            recipe=_recipe(job, len(samples)), setup=_setup(job),
            command=shlex.join(["sparring", *sys.argv[1:]]), test=_test(job),
            extra=None if job["extra"] is None else loaded_data(job, job["extra"]),
            **{name: job[name] for name in ("steps", "awp", "warm_up", "minutes", "held_out", "seed", "out", "resume")},
        )  # fmt: skip


def _given(job: Job) -> tuple[Any, Any]:
    """The model, or None for a small net, and the data."""
    import torch

    from sparring.api import chosen

    torch.manual_seed(job["seed"])  # of weights that a factory draws: the same when the training goes on
    model = None if job["model"] == SMALL else loaded_model(job)
    return model, chosen(loaded_data(job, job["data"]), job["limit"], job["sample"])


def _test(job: Job) -> Samples | None:
    """Data of the closing audit, cut as the file says."""
    from sparring.api import chosen

    if job["test"] is None:
        return None
    return chosen(loaded_data(job, job["test"]), job.get("test_limit"), job.get("test_sample"))


def _recipe(job: Job, samples: int) -> Recipe:
    from sparring.hardening import enough_epochs
    from sparring.training import SGD, Adam, Mirrored, Recipe, Shifted, cosine, one_cycle

    made = {"adam": Adam, "sgd": SGD}[job["optimiser"]]
    shifted = Shifted(job["shift"]) if job["shift"] else None
    return Recipe(
        epochs=job["epochs"] or enough_epochs(samples, job["minibatch"]),
        minibatch=job["minibatch"],
        optimiser=made() if job["learning_rate"] is None else made(learning_rate=job["learning_rate"]),
        schedule=one_cycle if job["weights"] is None and not str(job["model"]).endswith(".pt2") else cosine,
        augment=Mirrored(shifted) if job["mirror"] else shifted,
        averaging=job["averaging"],
        patience=job["patience"],
    )


def _setup(job: Job) -> Setup:
    import torch

    from sparring.errors import UsageError
    from sparring.training import Setup

    precisions = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if job["precision"] not in precisions:
        raise UsageError(f"training is in float32 or bfloat16, not in {job['precision']}")
    return Setup(job["batch"], precisions[job["precision"]], job["channels_last"])


def _closed(job: Job, trained: Trained) -> int:
    """Audit, write, tell."""
    import sparring
    from sparring.cli.gate_options import verdict_code, worst
    from sparring.cli.live import watching
    from sparring.reports.html import save_html
    from sparring.reports.rooms.training import render_training
    from sparring.storage.envelope import write_result

    with watching(f"{trained.model.name} under {job['threat']}") as watch:
        run = sparring.audit(
            trained.model,
            trained.test,
            job["threat"],
            job["suite"],
            out=trained.folder / "audit",
            watch=watch,
            resume=True,
        )
    document = trained.document
    document["body"]["audit"] = _audit_entry(run)
    write_result(document, trained.folder)
    save_html(render_training(document), trained.folder / "report.html")
    _tell(document, run, trained.folder, job["as_json"])
    return worst(verdict_code(each, None, False) for each in (document["verdict"], run.verdict))


def _audit_entry(run: Run) -> dict[str, Any]:
    names = ("verdict", "samples", "clean_correct", "robust", "robust_accuracy", "interval")
    return {name: run.result[name] for name in names} | {
        "suite": run.result["suite"]["name"],
        "folder": "audit",
    }


def _tell(document: dict[str, Any], run: Run, folder: Path, as_json: bool) -> None:
    from rich.console import Console

    from sparring.reports import summary
    from sparring.reports.rooms.training import training_summary

    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    console = Console()
    console.print(training_summary(document))
    console.print(f"saved: {folder / document['body']['model']['file']}\n", soft_wrap=True)
    console.print(summary(run))
    console.print(f"report: {(folder / 'report.html').resolve()}", soft_wrap=True)
