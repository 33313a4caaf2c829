"""One training from start to end: samples divided, model trained, files written, document told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sparring.data import load_data
from sparring.data.samples import Samples
from sparring.errors import DataError, ThreatError, UsageError
from sparring.hardening.document import body_of, findings_of
from sparring.hardening.models import saved, trainable
from sparring.hardening.named import Named
from sparring.hardening.pace import enough_epochs, epochs_within
from sparring.hardening.parts import Parts, divided
from sparring.models import Model
from sparring.storage.envelope import envelope
from sparring.threat import Threat, is_smallest, parse_threat
from sparring.training import Fitted, Progress, Recipe, Setup, fit
from sparring.training.state import epochs_in

__all__ = ["Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Args:
        model: Read again from where it was saved.
        fitted: The curve, and the loss of each sample in each epoch.
        test: Samples that neither the weights nor the choice of the epoch depend on.
        folder: Where the files are.
        document: The `result.json` of the training.
    """

    model: Model
    fitted: Fitted
    test: Samples
    folder: Path
    document: dict[str, Any]


def train(
    model: Any,
    data: Any,
    threat: str | Threat,
    objective: str = "pgd",
    *,
    recipe: Recipe | None = None,
    steps: int | None = None,
    awp: float | None = None,
    warm_up: float = 0.0,
    minutes: float | None = None,
    held_out: int | None = None,
    test: Any = None,
    extra: Any = None,
    setup: Setup | None = None,
    seed: int = 0,
    out: str | Path = "runs/train",
    resume: bool = False,
    command: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a model to withstand an attacker; it is not changed, a copy is.

    Some samples are held out: the epoch that does best on them under PGD-20 is kept. If there is no `test`, as many
    again are kept apart from both, for an audit that nothing was chosen by.

    Args:
        model: As in `audit`, a module of torch at its heart; None for a small net with fresh weights.
        data: As in `audit`.
        threat: What the attacker may change.
        objective: `pgd`, `trades`, `mart`, `n-fgsm`, `fgsm-rs` or `plain`.
        recipe: Everything else about the training; its objective, measure and remedy are set here. Without, it lasts
            ten epochs, or more where samples are few: at least 1,000 updates.
        steps: Of the attack inside; 10 without.
        awp: How far AWP moves weights, in parts of their length; without, it does not.
        warm_up: Share of the training over which eps grows to its full size.
        minutes: As many epochs as fit into this time, instead of the recipe's.
        held_out: How many samples choose the epoch; a tenth, 500 at most, without.
        test: Samples for the closing audit.
        extra: More samples of the same kind to learn from.
        setup: How it is computed.
        seed: Of all draws.
        out: Folder for the trained model and the checkpoint.
        resume: Go on with the training in `out`, if there is one.
        command: What repeats it, for the report.
        watch: Told after every update.

    Returns:
        The trained model, read again from what was saved, with its curve, the samples for an audit, and the document.

    Raises:
        SparringError: Something asked for makes no sense; the message says what to do.
        Interrupted: On Ctrl-C; `resume` goes on.

        trained = sparring.train("net.py:make", "train/", "linf:8/255", "trades", minutes=30)
        run = sparring.audit(trained.model, trained.test, "linf:8/255")
    """
    began = time.monotonic()
    named = Named(objective, _budgeted(threat), steps, awp, warm_up)
    folder, setup = _opened(Path(out), resume), setup or Setup()
    parts = divided(load_data(data), None if test is None else load_data(test), held_out)
    given = trainable(model, parts.learned, seed)
    recipe = recipe or Recipe(epochs=enough_epochs(len(parts.learned), Recipe.minibatch))
    recipe = replace(recipe, objective=named.objective, remedy=named.remedy, measure=named.measure)
    recipe = _paced(recipe, minutes, given, parts, setup, folder)
    fitted = fit(
        given, parts.learned, recipe, validation=parts.held_out, extra=None if extra is None else load_data(extra),
        setup=setup, checkpoint=folder / CHECKPOINT, progress=watch, seed=seed,
    )  # fmt: skip
    kept = saved(given, cast("Model", fitted.model), parts.learned, folder)
    document = envelope(
        "training", body_of(kept, named, recipe, fitted, parts), samples=len(parts.learned), seed=seed,
        seconds=max(time.monotonic() - began, fitted.curve[-1].seconds),  # of all sessions, if it went on
        verdict="measured" if fitted.reason is None else "incomplete",
        reasons=[] if fitted.reason is None else [fitted.reason], findings=findings_of(fitted, parts, given),
        command=command,
    )  # fmt: skip
    return Trained(kept.model, fitted, parts.test, folder, document)


CHECKPOINT = "checkpoint.pt"


def _budgeted(threat: str | Threat) -> Threat:
    """A threat with a size."""
    threat = parse_threat(threat) if isinstance(threat, str) else threat
    if is_smallest(threat):
        raise ThreatError("a model is trained against changes of a given size; give one, linf:8/255 say")
    return threat


def _opened(folder: Path, resume: bool) -> Path:
    """The folder of the training, made if need be."""
    if (folder / CHECKPOINT).exists() and not resume:
        raise UsageError(
            f"{folder} holds a training already; --resume goes on with it, or give another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder


def _paced(
    recipe: Recipe, minutes: float | None, model: Model, parts: Parts, setup: Setup, folder: Path
) -> Recipe:
    """The recipe with the epochs that fit into the time: those of the checkpoint if the training goes on."""
    if minutes is None:
        return recipe
    begun = epochs_in(folder / CHECKPOINT)
    epochs = begun or epochs_within(minutes, model, parts.learned, recipe, parts.held_out, setup)
    return replace(recipe, epochs=epochs)
