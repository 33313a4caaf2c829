"""What an audit will do: one model, one data set, one threat, one suite, checked before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.attacks.suites import Stage, stages_for
from sparring.data import Samples
from sparring.draws import Draws
from sparring.engine import Attack, Task, Want
from sparring.engine.contract import wants
from sparring.errors import DataError, ModelError, UsageError
from sparring.models import Model, look
from sparring.tensors import take, tree_map
from sparring.threat import Threat, Untargeted

__all__ = ["Plan", "climbs", "first_row", "make_plan"]


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
    bound = threat.bind(samples.inputs, samples.domain)
    stages = stages_for(suite, threat.norm)
    looked = look(model, samples.inputs, samples.labels)
    climbing = [stage.name for stage in stages if climbs(stage, first_row(samples, bound))]
    if climbing and not looked.gradients:
        raise ModelError(
            f"{looked.name} gives no gradients, and {', '.join(climbing)} of the suite need them; give a suite that "
            "reads scores only, such as [Square()], or for .onnx files: pip install 'sparring[onnx-gradients]'"
        )
    name = suite if isinstance(suite, str) else "+".join(stage.name for stage in stages)
    return Plan(looked, samples, bound, name, stages, seed, batch, precision, total or len(samples))


def climbs(stage: Stage, task: Task) -> bool:
    """Whether a stage begins by asking for gradients."""
    return bool((wants(stage.attack.start(task).ask) == Want.GRADIENTS).any())


def first_row(samples: Samples, threat: Threat) -> Task:
    """The first sample as a task, to ask attacks what they begin with; `threat` is bound."""
    first = torch.arange(1)
    inputs, labels = samples.inputs[first], samples.labels[first]
    return Task(inputs, Untargeted(labels), take(threat, first), Draws(first), aim=labels)
