"""The functions that users call; everything else is reached through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sparring.attacks.suites import Stage, stages_for
from sparring.data import Samples, load_data
from sparring.draws import Draws, row_keys
from sparring.engagement import Engagement
from sparring.engine import Attack, Findings, Task
from sparring.engine import search as run_search
from sparring.errors import UsageError, nearest
from sparring.evaluation import Crew, Plan, Shelf, Standing, make_plan
from sparring.evaluation.doctor import MOST, Check, examine, foresee
from sparring.evaluation.fingerprint import plan_digest
from sparring.evaluation.gates import Gates, check_reading, judge, judged_run
from sparring.evaluation.gates.drop import check_baseline
from sparring.evaluation.search.logged import logged
from sparring.evaluation.search.paid import answers_kept, forgotten
from sparring.evaluation.search.query_budget import with_queries
from sparring.evaluation.surrogates import led_by
from sparring.evaluation.techniques import check_techniques
from sparring.finishing import Words, carried_out, scratch, write_run
from sparring.models import Model, load_model, look, shown_rows, untouched
from sparring.models.remote.target import remote_behind
from sparring.storage import Run, load_run
from sparring.storage.baseline import Baseline, open_baseline, suite_text
from sparring.storage.claim import claimed
from sparring.storage.new_folder import folder_of
from sparring.storage.progress import begin
from sparring.threat import Targeted, Threat, Untargeted, parse_threat, threat_kind, threat_text

__all__ = ["audit", "doctor", "gate", "load_data", "load_model", "load_run", "search", "write_run"]

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def audit(
    model: Any,
    data: Any,
    threat: str | Threat,
    suite: str | Sequence[Stage | Attack] = "fast",
    *,
    limit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    batch: int = 64,
    precision: str = "float32",
    execution: str = "auto",
    out: str | Path | None = None,
    runs: str | Path | None = None,
    resume: bool = False,
    workers: int = 1,
    store: str | None = None,
    queries: int | None = None,
    surrogate: Any = None,
    gates: Gates | None = None,
    baseline: Run | Baseline | str | Path | None = None,
    engagement: str | Path | Engagement | None = None,
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
        queries: How often the model may be asked about a sample, for attacks that read answers: the first look, the
            search over all stages and verification together (`docs/blackbox.md`).
        surrogate: A model of the attacker's own, as `model`, whose gradients say where to ask; what it is shown is not
            counted. For attacks that are told gradients from scores.
        batch: Most samples shown to the model at once; a matter of memory, changes no result.
        precision: Of the search: float32, bfloat16, float16. What counts is always verified in float32.
        execution: `auto` measures faster ways to ask the model and takes what pays, `plain` asks it as it is; either
            way the model itself decides what counts.
        out: Folder for the run: records, attempts, adversarial examples, report. Finished shards are kept there, so
            that an audit that was killed can go on. Without a folder, the examples are in memory.
        runs: If there is no `out`: where to make a folder, named after time and model.
        resume: Go on with the run in `out`, or with the newest unfinished one of the same plan in `runs`; start
            if there is none.
        workers: How many processes search; changes no result. The model must come from files, or be made of
            classes that another process can import.
        store: URL of a database for the leases of workers on several machines; without, they are in the run folder.
        gates: What the run is held against when it is done; `gate` judges a run again.
        baseline: What a maximum drop is measured against: a run, its folder, its name, a `baseline.json`.
        engagement: As in `load_model`; which attacks it allows is looked at before anything is sent.
        command: What the report shows as the command that repeats the run.
        watch: Told a few times a second where the audit stands.

    Returns:
        The run; `run.robust_accuracy`, `run.records`.

    Raises:
        SparringError: Something asked for makes no sense; the message says what to do.
        Interrupted: On Ctrl-C; `findings` is the run so far, already written to `out`.
    """
    _check_options(precision, execution, workers)
    threat = parse_threat(threat) if isinstance(threat, str) else threat
    whole = load_data(data)
    loaded = shown_rows(load_model(model, engagement=engagement), whole.domain.columns)
    own = _own(surrogate, whole, workers)
    terms, samples = _allowed(loaded, suite, threat), chosen(whole, limit, sample)
    named = f"{threat_text(threat)} {suite if isinstance(suite, str) else 'given'} {seed} {queries}"
    named = named if own is None else f"{named} {own.digest}"
    place = Path(out).parent if out else Path(runs) if runs else None
    with (
        answers_kept(loaded, samples, place, named, resume),
        nullcontext() if own is None else untouched(own),
    ):
        plan = make_plan(
            loaded,
            samples,
            threat,
            suite,
            seed=seed,
            batch=batch,
            precision=_PRECISIONS[precision],
            total=len(whole),
        )
        plan = with_queries(plan if own is None else led_by(plan, own), queries)
        held = _against(plan, gates, baseline, runs)
        speed_ups = plan.speed_ups and execution == "auto"
        plan = replace(plan, gates=None if held is None else held[0], speed_ups=speed_ups)
        said = {
            "limit": limit,
            "sample": sample,
            "seed": seed or None,
            "queries": queries,
            "surrogate": None if own is None else own.source,
            "precision": precision,
            "execution": execution,
        }
        words: Words = {"command": command, "python": _python(plan, suite, said)}
        words |= {} if terms is None else {"engagement": terms.entry}
        digest = plan_digest(plan)
        folder = folder_of(plan.model.name, digest, out, runs, resume)
        crew = None if workers == 1 else Crew(workers, store)
        if folder is None:
            with scratch() as shelf:
                return carried_out(plan, watch, shelf, crew, words, None, held)
        with claimed(folder):
            begin(folder, digest, resume)
            with logged(folder, plan, digest):
                run = carried_out(plan, watch, Shelf(folder / "shards"), crew, words, folder, held)
        if run.verdict != "incomplete":
            forgotten(loaded, Shelf(folder / "shards"))
        return run


def search(
    model: Any,
    data: Any,
    attack: Attack,
    threat: str | Threat,
    *,
    targets: torch.Tensor | None = None,
    begin: torch.Tensor | None = None,
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
        begin: Points to start from, `(N, *shape)`, for attacks that start where the goal is reached already.
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
    loaded = shown_rows(load_model(model), samples.domain.columns)
    threat = parse_threat(threat) if isinstance(threat, str) else threat
    _allowed(loaded, [attack], threat)
    looked = look(loaded, samples.inputs, samples.labels)
    device = looked.device
    inputs, labels = samples.inputs.to(device), samples.labels.to(device)
    if begin is not None and begin.shape != inputs.shape:
        raise UsageError(
            f"points to start from have shape {tuple(begin.shape)}; give one per sample, {tuple(inputs.shape)} in all"
        )
    begin = None if begin is None else begin.to(inputs)
    goal = Untargeted(labels) if targets is None else Targeted(targets.to(device), labels)
    draws = Draws(row_keys(seed, samples.ids, type(attack).__name__).to(device))
    with untouched(looked):
        task = Task(inputs, goal, threat.bind(inputs, samples.domain), draws, begin=begin)
        return run_search(looked, task, attack, **options)


def doctor(
    model: Any,
    data: Any,
    threat: str | Threat | None = None,
    suite: str | Sequence[Stage | Attack] = "fast",
    *,
    limit: int | None = None,
    sample: int | None = None,
    queries: int | None = None,
    gates: Gates | None = None,
    most: int = MOST,
) -> list[Check]:
    """Look for what would make an audit worthless, before it is run; seconds, on a few hundred samples.

    Args:
        model: As in `audit`; it is left as it was.
        data: As in `audit`.
        threat: As in `audit`; without, cost and gate are not foreseen.
        suite: As in `audit`.
        limit: As in `audit`.
        sample: As in `audit`.
        queries: As in `audit`.
        gates: What the run will be held against.
        most: How many samples are looked at.

    Returns:
        A check per thing looked at: `name`, `status` (ok, note, warning, error), `seen`, `samples`, `fix`.

    Raises:
        SparringError: The model fails on these data, or something asked for makes no sense.

    >>> import sparring
    >>> from sparring.demo import nets
    >>> checks = sparring.doctor(nets.plain(), nets.images(50))
    >>> {check.status for check in checks}
    {'ok'}
    """
    whole = load_data(data)
    loaded = shown_rows(load_model(model), whole.domain.columns)
    samples = chosen(whole, limit, sample)
    found = examine(loaded, samples, most)
    if threat is None:
        return found
    threat = parse_threat(threat) if isinstance(threat, str) else threat
    return found + foresee(loaded, samples, threat, suite, gates, len(whole), most, queries)


def gate(
    run: Run | str | Path,
    *,
    min_robust_accuracy: float | None = None,
    min_class_accuracy: float | None = None,
    max_drop: float | None = None,
    baseline: Run | Baseline | str | Path | None = None,
    level: float = 0.95,
    eps: float | None = None,
) -> Run:
    """Hold a run against gates; nothing is searched and nothing is written.

    Args:
        run: What `audit` or `load_run` returned, or a run folder.
        min_robust_accuracy: The least robust accuracy, from 0 to 1.
        min_class_accuracy: The least robust accuracy of every class.
        max_drop: How far robust accuracy may be below that of `baseline`, 0.02 for 2 points.
        baseline: A run, its folder, its name, or a `baseline.json`.
        level: How sure a pass or a fail must be.
        eps: At which size the curve of a run under `l2:min` and the like is read.

    Returns:
        The run with its verdict: `pass`, `fail` or `inconclusive`, unless it is `invalid` or `incomplete`.

    Raises:
        UsageError: The gates make no sense, or the baseline does not fit the run.
        DataError: A folder or a file cannot be read.
    """
    gates = Gates(min_robust_accuracy, min_class_accuracy, max_drop, level, eps)
    base = None if baseline is None else open_baseline(baseline)
    gates.check(base)
    run = run if isinstance(run, Run) else load_run(run)
    return judged_run(run, judge(run, gates, base))


def _check_options(precision: str, execution: str, workers: int) -> None:
    if precision not in _PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}; {nearest(precision, _PRECISIONS)}")
    if execution not in ("auto", "plain"):
        raise UsageError(f"unknown execution {execution!r}; {nearest(execution, ('auto', 'plain'))}")
    if workers < 1:
        raise UsageError(f"an audit needs at least one worker, but got {workers}")


def _allowed(model: Model, suite: str | Sequence[Stage | Attack], threat: Threat) -> Engagement | None:
    """The engagement that a model is attacked under, if there is one, and it allows the suite."""
    remote = remote_behind(model)
    terms = None if remote is None else remote.permit.engagement
    if terms is not None:
        name = suite if isinstance(suite, str) else "given"
        check_techniques(terms, name, stages_for(suite, threat_kind(threat)))
    return terms


def _against(
    plan: Plan, gates: Gates | None, baseline: Any, runs: str | Path | None
) -> tuple[Gates, Baseline | None] | None:
    """What the run will be held against, refused before anything is spent if it cannot be."""
    if gates is None and baseline is None:
        return None
    gates = gates or Gates()
    base = None if baseline is None else open_baseline(baseline, runs or "runs")
    gates.check(base)
    check_reading(gates, threat_text(plan.threat))
    if base is not None:
        keys = set(zip(plan.samples.ids, plan.samples.labels.tolist(), strict=True))
        check_baseline(base, threat_text(plan.threat), suite_text(plan.suite, plan.queries), keys)
    return gates, base


def _own(surrogate: Any, samples: Samples, workers: int) -> Model | None:
    """The attacker's own model, if there is one.

    Raises:
        UsageError: Several processes were asked for.
    """
    if surrogate is None:
        return None
    if workers > 1:
        raise UsageError("a surrogate leads one process; leave out workers, or the surrogate")
    return shown_rows(load_model(surrogate), samples.domain.columns)


def _python(plan: Plan, suite: str | Sequence[Stage | Attack], said: dict[str, Any]) -> str:
    """The call that repeats the audit, as far as names can tell."""
    options = {name: value for name, value in said.items() if value not in (None, "float32", "auto")}
    named = [repr(plan.model.source), repr(plan.samples.source), repr(threat_text(plan.threat))]
    named += [repr(suite)] if isinstance(suite, str) else ["suite"]
    return f"sparring.audit({', '.join([*named, *(f'{name}={value!r}' for name, value in options.items())])})"


def chosen(samples: Samples, limit: int | None, sample: int | None) -> Samples:
    """The first `limit` samples, `sample` drawn ones, or all.

    Raises:
        UsageError: Both are given.
    """
    if limit is not None and sample is not None:
        raise UsageError("limit takes the first samples and sample draws some at random; give one of them")
    few = samples if limit is None else samples.limit(limit)
    return few if sample is None else few.sample(sample)
