"""The functions that users call; everything else is reached through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from sparring.attacks.suites import Stage
from sparring.data import Samples, load_data
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, Findings, Task
from sparring.engine import search as run_search
from sparring.errors import Interrupted, UsageError, nearest
from sparring.evaluation import Plan, Shelf, Standing, make_plan
from sparring.evaluation import audit as run_audit
from sparring.evaluation.fingerprint import plan_digest
from sparring.models import load_model, look, untouched
from sparring.reports import render_html
from sparring.storage import Run, load_run, replacing, save_run
from sparring.storage.claim import claimed
from sparring.storage.progress import begin, unfinished
from sparring.threat import Targeted, Threat, Untargeted, parse_threat, threat_text

__all__ = ["audit", "load_data", "load_model", "load_run", "search", "write_run"]

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def audit(
    model: Any,
    data: Any,
    threat: str | Threat,
    suite: str | Sequence[Stage | Attack] = "standard",
    *,
    limit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    batch: int = 64,
    precision: str = "float32",
    out: str | Path | None = None,
    runs: str | Path | None = None,
    resume: bool = False,
    command: str | None = None,
    watch: Callable[[Standing], None] = lambda standing: None,
) -> Run:
    """Find out how many samples of `data` withstand an attacker.

    Args:
        model: A module or callable from inputs to logits, what `load_model` returned, or what it takes.
        data: `(inputs, labels)`, a Dataset, a DataLoader, what `load_data` returned, or what it takes.
        threat: What the attacker may change: `linf:8/255`, `l2:0.5`, `l1:12`, or a threat.
        suite: The name of a suite, or stages and attacks in order.
        limit: Only the first so many samples.
        sample: Only so many samples, drawn at random by id; gives an interval.
        seed: Of all draws.
        batch: Most samples shown to the model at once; a matter of memory, changes no result.
        precision: Of the search: float32, bfloat16, float16. What counts is always verified in float32.
        out: Folder for the run: records, attempts, adversarial examples, report. Finished shards are kept there, so
            that an audit that was killed can go on.
        runs: If there is no `out`: where to make a folder, named after time and model.
        resume: Go on with the run in `out`, or with the newest unfinished one of the same plan in `runs`; start
            if there is none.
        command: What the report shows as the command that repeats the run.
        watch: Told a few times a second where the audit stands.

    Returns:
        The run; `run.robust_accuracy`, `run.records`.

    Raises:
        SparringError: Something asked for makes no sense; the message says what to do.
        Interrupted: On Ctrl-C; `findings` is the run so far, already written to `out`.
    """
    if precision not in _PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}; {nearest(precision, _PRECISIONS)}")
    whole = load_data(data)
    plan = make_plan(
        load_model(model),
        _chosen(whole, limit, sample),
        parse_threat(threat) if isinstance(threat, str) else threat,
        suite,
        seed=seed,
        batch=batch,
        precision=_PRECISIONS[precision],
        total=len(whole),
    )
    said = {"limit": limit, "sample": sample, "seed": seed or None}
    words = {"command": command, "python": _python(plan, suite, {**said, "precision": precision})}
    digest = plan_digest(plan)
    folder = _folder(plan, digest, out, runs, resume)
    if folder is None:
        return _finished(run_audit(plan, watch), words, None)
    with claimed(folder):
        begin(folder, digest, resume)
        try:
            run = run_audit(plan, watch, Shelf(folder / "shards"))
        except Interrupted as stop:
            raise Interrupted(str(stop), findings=_finished(stop.findings, words, folder)) from None  # type: ignore[arg-type]
        return _finished(run, words, folder)


def search(
    model: Any,
    data: Any,
    attack: Attack,
    threat: str | Threat,
    *,
    targets: torch.Tensor | None = None,
    seed: int = 0,
    **options: Any,
) -> Findings:
    """Run one attack on every sample of `data`, those included that the model gets wrong anyway.

    Args:
        model: As in `audit`.
        data: As in `audit`.
        attack: Proposes points.
        threat: As in `audit`.
        targets: Classes that must come out, `(N,)`; without, any error will do.
        seed: Of all draws.
        options: `retire`, `keep`, `batch`, `budget`, `precision`, `judge`, `progress` of `sparring.engine.search`.

    Returns:
        What was found in each sample and what it cost.

    >>> import torch, sparring
    >>> from sparring.attacks import PGD
    >>> model = torch.nn.Linear(4, 3)
    >>> found = sparring.search(model, (torch.rand(5, 4), model(torch.rand(5, 4)).argmax(1)), PGD(steps=3), "linf:0.5")
    >>> found.adversarial.shape
    torch.Size([5, 4])
    """
    samples = load_data(data)
    looked = look(load_model(model), samples.inputs, samples.labels)
    threat = parse_threat(threat) if isinstance(threat, str) else threat
    device = looked.device
    inputs, labels = samples.inputs.to(device), samples.labels.to(device)
    goal = Untargeted(labels) if targets is None else Targeted(targets.to(device), labels)
    draws = Draws(row_keys(seed, samples.ids, type(attack).__name__).to(device))
    with untouched(looked):
        return run_search(
            looked, Task(inputs, goal, threat.bind(inputs, samples.domain), draws), attack, **options
        )


def write_run(run: Run, folder: str | Path) -> Run:
    """Write the run folder, its report included."""
    saved = save_run(run, folder)
    with replacing(Path(folder) / "report.html") as path:
        path.write_text(render_html(saved), encoding="utf-8")
    return saved


def _folder(
    plan: Plan, digest: str, out: str | Path | None, runs: str | Path | None, resume: bool
) -> Path | None:
    """Where the run goes: a named folder, an unfinished one of the same plan, a new one, or none."""
    if out is not None:
        return Path(out)
    if runs is None:
        return None
    name = "".join(each if each.isalnum() or each in "-_." else "-" for each in plan.model.name)[:60]
    new = Path(runs) / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    return (unfinished(Path(runs), digest) if resume else None) or new


def _finished(run: Run, words: dict[str, str | None], out: Path | None) -> Run:
    """The run with the words that repeat it, written down if there is a place for it."""
    run = replace(run, result={**run.result, **words})
    return run if out is None else write_run(run, out)


def _python(plan: Plan, suite: str | Sequence[Stage | Attack], said: dict[str, Any]) -> str:
    """The call that repeats the audit, as far as names can tell."""
    options = {name: value for name, value in said.items() if value not in (None, "float32")}
    named = [repr(plan.model.source), repr(plan.samples.source), repr(threat_text(plan.threat))]
    named += [repr(suite)] if isinstance(suite, str) else ["suite"]
    return f"sparring.audit({', '.join([*named, *(f'{name}={value!r}' for name, value in options.items())])})"


def _chosen(samples: Samples, limit: int | None, sample: int | None) -> Samples:
    if limit is not None and sample is not None:
        raise UsageError("limit takes the first samples and sample draws some at random; give one of them")
    if limit is not None:
        return samples.limit(limit)
    return samples if sample is None else samples.sample(sample)
