"""What an audit will do: one model, one data set, one threat, one suite, checked before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from sparring.attacks.suites import Stage, stages_for, suited
from sparring.data import Samples
from sparring.draws import Draws
from sparring.engine import Attack, Task, Want
from sparring.engine.ask import Look
from sparring.engine.contract import wants
from sparring.errors import DataError, ModelError, UsageError
from sparring.evaluation.gates.settings import Gates
from sparring.evaluation.gradient_noise import USUAL, draws_per_look
from sparring.evaluation.randomised import averaged_stages
from sparring.execution import Prepared
from sparring.models import Model, look
from sparring.models.stand_ins.straight_through import straight_through
from sparring.tensors import take, tree_map
from sparring.threat import Threat, Untargeted, is_smallest, threat_kind

__all__ = ["Fit", "Plan", "climbs", "first_row", "fitting_stages", "make_plan"]


FIRST, LOOKED_AT = 8, 16
"""Samples from which the model's nature is told, and the noise of its gradients."""


@dataclass(frozen=True)
class Fit:
    """How a suite was fitted to a model.

    Args:
        tried: How many samples the trial was held on.
        broken: How many of them each method broke: of all, the first; of those that it left, the others; of those that
            all others left, chance.
        beyond: How many of them each method broke that the gradients of the model did not.
        added: Stages that joined, by the method that did better than gradients.
        far_left: How many of them an attack without bounds left standing.
        planted: How many points were planted among them.
        planted_found: How many of these the search found.
        forwards, backwards: What the trial cost, in all.
    """

    tried: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    beyond: dict[str, int] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)
    far_left: int = 0
    planted: int = 0
    planted_found: int = 0
    forwards: int = 0
    backwards: int = 0


@dataclass(frozen=True)
class Plan:
    """Everything that decides the records of an audit.

    Args:
        model: Looked at, on the device where it runs.
        samples: What is attacked.
        threat: Bound to the samples.
        suite: Name of the suite.
        stages: Its stages that fit the threat.
        seed: Of all draws.
        batch: Most samples shown at once; changes no result.
        precision: Of the search; survivors of a search below float32 are searched again in float32.
        total: How many samples the data had before a limit.
        speed_ups: Whether faster ways to ask the model may be looked for.
        prepared: The fastest that was found, which proposes while the model itself decides.
        fit: What a trial showed, once it was held, and which stages joined for it.
        gates: What the run will be held against; decides how many samples a spot check takes, and nothing else.
        queries: How often the model may be asked about a sample, all in all (`query_budget.py`).
    """

    model: Model
    samples: Samples
    threat: Threat
    suite: str
    stages: tuple[Stage, ...]
    seed: int = 0
    batch: int = 64
    precision: torch.dtype = torch.float32
    total: int = 0
    fit: Fit = field(default_factory=Fit)
    speed_ups: bool = True
    prepared: Prepared | None = None
    gates: Gates | None = None
    queries: int | None = None

    @property
    def smallest(self) -> bool:
        """Whether the smallest change is looked for, instead of any within a budget."""
        return is_smallest(self.threat)

    def asked(self, stand_in: Callable[[Look], Look] | None) -> tuple[Look, Look | None, Look | None]:
        """What a search is given: the model to search, its judge if it is a stand-in, the exact one if it is faster."""
        if stand_in is not None:
            return stand_in(self.model), self.model, None
        ready = None if self.prepared is None else self.prepared.model
        return (self.model, None, None) if ready is None else (ready, None, self.model)

    def rows(self, rows: Tensor) -> tuple[Samples, Tensor, Tensor, Threat]:
        """Some samples, their inputs and labels, and the threat bound to them, on the model's device."""
        chosen, device = self.samples.select(rows.cpu()), self.model.device
        threat = tree_map(lambda values: values.to(device), take(self.threat, rows.cpu()))
        return chosen, chosen.inputs.to(device), chosen.labels.to(device), threat


def make_plan(
    model: Model,
    samples: Samples,
    threat: Threat,
    suite: str | Sequence[Stage | Attack],
    *,
    seed: int = 0,
    batch: int = 64,
    precision: torch.dtype = torch.float32,
    total: int | None = None,
) -> Plan:
    """Look at the model with the data and check that everything fits.

    Raises:
        DataError: There are no samples.
        ModelError: The model fails on these data, or has no gradients for attacks that need them.
        ThreatError: The threat makes no sense for these data.
        UsageError: The suite is unknown or has nothing for this threat, or a number makes no sense.
    """
    if not len(samples):
        raise DataError("there are no samples to audit")
    if batch < 1:
        raise UsageError(f"the batch must hold at least one sample, but is {batch}")
    first = samples.first(FIRST)
    bound = threat.bind(
        first[:1].expand(len(samples), *first.shape[1:]), samples.domain
    )  # reads shapes alone
    suite = suited(suite, threat_kind(threat))
    stages_for(suite, threat_kind(threat))  # refused before the model is asked
    looked = look(model, first, samples.labels)
    if looked.randomised and is_smallest(bound):
        raise UsageError(
            f"{looked.name} answers at random, so that no change is the smallest; give a size, such as {bound.norm}:0.5"
        )
    if looked.randomised and suite == "fast":
        # its short runs climb no mean, and nobody measured what they miss
        suite, note = "standard", "suite standard was taken instead of fast, for the same reason"
        looked = looked.having(notes=(*looked.notes, note))
    stages = fitting_stages(looked, samples, bound, suite)
    name = suite if isinstance(suite, str) else "+".join(stage.name for stage in stages)
    return Plan(looked, samples, bound, name, stages, seed, batch, precision, total or len(samples))


def fitting_stages(
    looked: Model, samples: Samples, threat: Threat, suite: str | Sequence[Stage | Attack]
) -> tuple[Stage, ...]:
    """The stages of a suite as they suit a model; `threat` is bound to the samples.

    Raises:
        ModelError: The model has no gradients for attacks that need them.
        UsageError: The model answers at random, and an attack sees labels only.
    """
    stages = stages_for(suite, threat_kind(threat))
    first = first_row(samples, threat)
    climbing = [stage.name for stage in stages if climbs(stage, first)]
    if climbing and not looked.gradients and looked.stops is None:
        raise ModelError(
            f"{looked.name} gives no gradients, and {', '.join(climbing)} of the suite need them; give a suite that "
            "reads scores only, such as blackbox, or for .onnx files: pip install 'sparring[onnx-gradients]'"
        )
    reading = [stage.name for stage in stages if not _sees_labels(stage, first)]
    if reading and not looked.scores:
        raise ModelError(
            f"{looked.name} answers with classes only, and {', '.join(reading)} of the suite need scores; give the "
            "suite labels"
        )
    if not looked.gradients:
        around = [replace(stage, stand_in=stage.stand_in or straight_through) for stage in stages]
        stages = tuple(new if old.name in climbing else old for old, new in zip(stages, around, strict=True))
    if not looked.randomised:
        return stages
    if certain := [stage.name for stage in stages if _sees_labels(stage, first)]:
        raise UsageError(
            f"{looked.name} answers at random, and {', '.join(certain)} of the suite take every class for certain; "
            "give a suite that reads scores, such as blackbox"
        )
    return averaged_stages(stages, _draws(looked, samples) if climbing else USUAL)


def _draws(model: Model, samples: Samples) -> int:
    """How many draws a look takes, from the gradients at the first samples."""
    few = samples.select(torch.arange(min(LOOKED_AT, len(samples))))
    searched = model if model.gradients else straight_through(model)
    return draws_per_look(searched, few.inputs.to(model.device), few.labels.to(model.device))


def climbs(stage: Stage, task: Task) -> bool:
    """Whether a stage begins by asking for gradients."""
    return bool((wants(stage.attack.start(task).ask) == Want.GRADIENTS).any())


def _sees_labels(stage: Stage, task: Task) -> bool:
    """Whether a stage begins by asking for labels."""
    return bool((wants(stage.attack.start(task).ask) == Want.LABELS).any())


def first_row(samples: Samples, threat: Threat) -> Task:
    """The first sample as a task, to ask attacks what they begin with; `threat` is bound."""
    first = torch.arange(1)
    inputs, labels = samples.first(1), samples.labels[first]
    return Task(inputs, Untargeted(labels), take(threat, first), Draws(first), aim=labels)
