"""What a worker process is sent out with: a plan, and where its shards go.

It travels as a pickle, through an open file that no other process can name. A model that came from files is loaded
again from them; one that was made in memory travels itself, and must be made of classes that can be imported.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sparring.errors import SparringError, UsageError
from sparring.evaluation.fingerprint import plan_digest
from sparring.evaluation.plan import Plan
from sparring.execution import prepared
from sparring.models import load_model, shown_rows, untouched
from sparring.models.canonical import show
from sparring.models.remote.target import remote_behind

__all__ = ["Errand", "packed", "unpacked"]

_REMEDY = "give the model as a file or as code.py:factory, or leave workers out"


@dataclass(frozen=True)
class Errand:
    """What every worker of a run is told.

    Args:
        plan: What to do; while it travels, its model may lack its function.
        digest: Of the plan.
        clean: What the model answered at the first look, `(N, C)`.
        clean_risk: How often it erred there, `(N,)`.
        shards: For each shard that is to be searched its number, its samples and its digest.
        shelf: The folder where finished shards go.
        store: URL of the database with the leases.
        run: Whose leases.
        lease: Seconds that a lease outlasts its holder.
        threads: For torch, in each worker.
    """

    plan: Plan
    digest: str
    clean: Tensor
    clean_risk: Tensor
    shards: Mapping[int, tuple[Tensor, str]]
    shelf: Path
    store: str
    run: str
    lease: float
    threads: int


def packed(errand: Errand) -> bytes:
    """The errand as bytes.

    Raises:
        UsageError: The model, or an attack, cannot be sent to another process.
    """
    ready, model = errand.plan.prepared, errand.plan.model
    if ready is not None:  # each worker makes it for itself
        errand = replace(errand, plan=replace(errand.plan, prepared=replace(ready, model=None)))
    if model.recipe is not None:
        errand = replace(errand, plan=replace(errand.plan, model=model.having(function=_later)))
    try:
        return pickle.dumps(errand, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise UsageError(_unsendable(errand, error)) from error


def unpacked(content: Any) -> Errand:
    """The errand that was packed, its model in place.

    Raises:
        UsageError: The model cannot be made again, or is another one when it is made again.
    """
    try:
        errand: Errand = pickle.loads(content)  # noqa: S301  (made by the process that started this one)
    except SparringError:
        raise
    except Exception as error:
        raise UsageError(_unsendable(None, error)) from error
    model = errand.plan.model
    if model.recipe is not None:
        model = model.having(function=load_model(**model.recipe).function)
        model = shown_rows(model, errand.plan.samples.domain.columns)
    plan = replace(errand.plan, model=model)
    if plan.prepared is not None:
        again = prepared(model, plan.samples.first(plan.batch), plan.prepared.chosen)
        plan = replace(plan, prepared=again)
    errand = replace(errand, plan=plan)
    if plan_digest(errand.plan) != errand.digest or not _answers_alike(errand):
        raise UsageError(
            f"the model {model.name} is not the same when a worker loads it again (random weights, or changed since it "
            "was loaded); load its weights from a file, or leave workers out"
        )
    return errand


def _later(inputs: Tensor) -> Tensor:
    """Stands where a worker puts the function of a model that it loads."""
    raise NotImplementedError


def _answers_alike(errand: Errand) -> bool:
    """Whether the model gives the answers of the first look; weights do not show everything.

    A model behind an address is not asked: somebody pays for each query.
    """
    plan = errand.plan
    if plan.model.randomised or remote_behind(plan.model) is not None:
        return True
    with untouched(plan.model), torch.no_grad():
        answers = show(plan.model, plan.samples.first(8).to(plan.model.device)).float().cpu()
    return torch.allclose(answers, errand.clean[:8].cpu(), rtol=1e-3, atol=1e-4)


def _unsendable(errand: Errand | None, error: Exception) -> str:
    name = "the model" if errand is None else f"the model {errand.plan.model.name}"
    reason = " ".join(str(error).split())[:200]
    return f"{name}, or an attack on it, cannot be sent to worker processes ({reason}); {_REMEDY}"
