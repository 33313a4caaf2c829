"""What decides an audit's results, as a digest: equal digests mean equal records."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan
from sparring.models.description import described
from sparring.models.digest import digest_of

__all__ = ["plan_digest", "shard_digest"]

_CODE = Path(__file__).parents[1]


def plan_digest(plan: Plan) -> str:
    """A digest of model, samples, threat, stages, seed, precision, and the versions of everything that computes."""
    return _digest(
        {
            "model": [
                plan.model.digest,
                plan.model.outputs,
                plan.model.randomised,
                _weights(plan.model.function),
            ],
            "samples": plan.samples.digest,
            "domain": described(plan.samples.domain),
            "threat": described(plan.threat),
            "stages": [described(stage) for stage in plan.stages],
            "seed": plan.seed,
            "queries": plan.queries,
            "precision": str(plan.precision),
            "execution": None if plan.prepared is None else dict(plan.prepared.chosen),
            "device": plan.model.device.type,
            "versions": [torch.__version__, version("sparring"), _code_digest()],
        }
    )


def shard_digest(plan: Plan, ledger: Ledger) -> str:
    """A digest of the plan of one shard, and of what the model answers to its clean samples.

    The answers tell apart models whose difference no file shows, such as code that imports other code.
    """
    return _digest({"plan": plan_digest(plan), "clean": described(ledger.clean.cpu())})


def _digest(words: Any) -> str:
    return sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def _weights(function: Any) -> str | None:
    """The values of a module, normalisation in front of it included."""
    return digest_of(function) if isinstance(function, nn.Module) else None


@cache
def _code_digest() -> str:
    """A digest of our own code, so that no change of it can reuse what older code found."""
    total = sha256()
    for path in sorted(_CODE.rglob("*.py")):
        total.update(path.relative_to(_CODE).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()
