"""What a training says in its `result.json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sparring.hardening.models import Saved
from sparring.hardening.named import Named
from sparring.hardening.parts import Parts
from sparring.models import Model
from sparring.threat import threat_text
from sparring.training import Fitted, Recipe

__all__ = ["body_of", "findings_of"]

OVERFIT = 0.03
"""How far robust accuracy may fall after its best before it is worth a word."""

Finding = dict[str, Any]


def body_of(saved: Saved, named: Named, recipe: Recipe, fitted: Fitted, parts: Parts) -> dict[str, Any]:
    """Everything but what every `result.json` says; no figure depends on the clock but `seconds`."""
    return {
        "model": {"name": saved.model.name, "source": saved.model.source, "file": saved.file},
        "data": {
            "source": parts.learned.source,
            "learned": len(parts.learned),
            "held_out": len(parts.held_out),
            "test": len(parts.test),
        },
        "threat": threat_text(named.threat),
        "objective": named.name,
        "settings": {
            "steps": named.steps,
            "awp": named.awp,
            "warm_up": named.warm_up,
            "epochs": recipe.epochs,
            "minibatch": recipe.minibatch,
            "averaging": recipe.averaging,
            "optimiser": type(recipe.optimiser).__name__,
            "learning_rate": recipe.optimiser.learning_rate,
        },
        "curve": [asdict(each) for each in fitted.curve],
        "best": fitted.best,
        "remedied": fitted.remedied,
    }


def findings_of(fitted: Fitted, parts: Parts, given: Model) -> list[Finding]:
    """What a reader should know about the training, the worst first."""
    first, best, last = fitted.curve[0], fitted.curve[fitted.best], fitted.curve[-1]
    told = {
        "stopped": ("error", fitted.reason is not None, f"The training ended early: {fitted.reason}."),
        "no-gain": (
            "error",
            fitted.best == 0,
            "No epoch did better than the model did before; what was saved is the model as it came.",
        ),
        "guessing": (
            "error",
            fitted.best > 0 and (best.clean or 0.0) <= _guessing(parts),
            f"The trained model gets {best.clean or 0:.1%} of the held-out samples right, hardly more than "
            "guessing would: give it more epochs, let the attack grow (--warm-up 0.3), or begin with trained weights.",
        ),
        "labels": (
            "warning",
            _had_weights(given) and (first.clean or 0.0) <= _guessing(parts),
            f"With the weights that it came with, the model got {first.clean:.1%} of the held-out samples right, "
            "which is chance: sparring doctor sees whether classes or channels are in another order.",
        ),
        "remedied": (
            "warning",
            fitted.remedied is not None,
            f"Catastrophic overfitting in epoch {fitted.remedied}: the training went back to its best weights, and on "
            "with an attack of several steps.",
        ),
        "robust-overfitting": (
            "note",
            (best.robust or 0.0) - (last.robust or 0.0) > OVERFIT,
            f"Robust accuracy on held-out samples was best in epoch {fitted.best}, {best.robust or 0:.1%}, and is "
            f"{last.robust or 0:.1%} in the last; the best epoch was saved.",
        ),
    }
    return [
        {"id": f"training-{name}", "severity": severity, "message": message, "samples": len(parts.held_out)}
        for name, (severity, holds, message) in told.items()
        if holds
    ]


def _guessing(parts: Parts) -> float:
    """A share of right answers that hardly tells a model from one that always names the commonest class."""
    return 1.1 * float(parts.held_out.labels.bincount().max()) / len(parts.held_out)


def _had_weights(given: Model) -> bool:
    """Whether the model came with trained weights, as far as one can see."""
    recipe = given.recipe or {}
    return recipe.get("weights") is not None or str(recipe.get("source", "")).endswith(".pt2")
