"""All checks of the doctor: of model and data, and of what an audit of them will be worth."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sparring.attacks.suites import Stage
from sparring.data import Samples
from sparring.engine import Attack
from sparring.errors import DataError, SparringError
from sparring.evaluation.doctor.behaviour import check_batches, check_gradients, check_outputs, check_repeats
from sparring.evaluation.doctor.check import Check
from sparring.evaluation.doctor.inputs import check_grid, check_range
from sparring.evaluation.doctor.labels import check_chance, check_order
from sparring.evaluation.doctor.normalisation import check_channels, check_normalisation
from sparring.evaluation.doctor.prospects import check_cost, check_gates
from sparring.evaluation.doctor.trials import answers
from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.settings import Gates
from sparring.evaluation.plan import make_plan
from sparring.evaluation.search.query_budget import with_queries
from sparring.models import Model, look, untouched
from sparring.threat import Threat

__all__ = ["MOST", "examine", "foresee"]

MOST = 200


def examine(model: Model, samples: Samples, most: int = MOST) -> list[Check]:
    """Look at a model with its data; the model is left as it was.

    Args:
        model: From `load_model`.
        samples: At most `most` of them are used, drawn at random by id.
        most: Of the samples.

    Raises:
        DataError: There are no samples.
        ModelError: The model fails on these data.
    """
    if not len(samples):
        raise DataError("there are no samples to look at")
    few = samples.sample(most)
    model = look(model, few.inputs, few.labels)
    with untouched(model):
        torch.manual_seed(0)  # for models that draw
        logits = answers(model, few.inputs)
        return [
            check_range(few),
            *_about_accuracy(model, few, logits),
            check_outputs(model, few),
            check_gradients(model, few),
            check_repeats(model, few),
            check_batches(model, few),
            check_grid(few),
        ]


def foresee(
    model: Model,
    samples: Samples,
    threat: Threat,
    suite: str | Sequence[Stage | Attack],
    gates: Gates | None = None,
    total: int | None = None,
    most: int = MOST,
    queries: int | None = None,
) -> list[Check]:
    """What an audit will cost at most, whether the threat fits the data, and how likely the gate is to decide.

    Args:
        model: From `load_model`.
        samples: All that the audit will have.
        threat: What the attacker may change.
        suite: As in `audit`.
        gates: What the run will be held against.
        total: How many samples the data have from which these were chosen.
        most: How many of the samples are looked at.
        queries: As in `audit`.
    """
    few = samples.sample(most)
    try:
        plan = with_queries(make_plan(model, few, threat, suite), queries)
    except SparringError as error:
        return [Check("audit", "error", str(error), len(few))]
    unseen = (total or len(samples)) - len(samples)
    with untouched(plan.model):
        found = [check_cost(plan, len(samples))]
        if gates is not None and gates.demands:
            correct = int((answers(plan.model, few.inputs).argmax(1) == few.labels).sum())
            sampling = Sampling(not samples.ordered, unseen)
            found.append(check_gates(gates, few, correct, len(samples), sampling, plan.suite))
    grid = check_grid(few, threat)
    return found if grid.status != "warning" else [grid, *found]


def _about_accuracy(model: Model, few: Samples, logits: torch.Tensor) -> list[Check]:
    """What accuracy tells; while the classes are out of order it tells nothing else."""
    correct, order = logits.argmax(1) == few.labels, check_order(logits, few)
    found = [check_chance(logits, few), order]
    if order.status != "ok":
        return found
    return [check_normalisation(model, few, correct), check_channels(model, few, correct), *found]
