"""Every adversarial example of a run, measured again on a model: does the proof still hold?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sparring.columns import Columns
from sparring.data import Samples
from sparring.data.features import domain_of
from sparring.errors import UsageError
from sparring.evaluation.randomised import DRAWS
from sparring.models import Model, look, shown_rows, untouched
from sparring.storage import Run
from sparring.threat import parse_threat
from sparring.verify import verified

__all__ = ["Remeasured", "remeasured"]


@dataclass(frozen=True)
class Remeasured:
    """What came of it.

    Args:
        examples: How many the run has.
        held: How many are in the range and inside the threat, and make this model err.
        refuted: Positions in their source of those that do not.
        absent: How many could not be measured, because the data do not have the sample.
        same_model: Whether this is the model that was audited, as far as digests tell.
    """

    examples: int
    held: int
    refuted: tuple[int, ...]
    absent: int
    same_model: bool


def remeasured(run: Run, model: Model, samples: Samples, batch: int = 64) -> Remeasured:
    """Measure the adversarial examples of `run` on `model`; samples are found by id, whatever file they are in.

    Raises:
        UsageError: The threat of the run cannot be made from its text, or nothing fits the data.
    """
    index, adversarial = run.tensors["index"], run.tensors["adversarial"]
    ids = dict(zip(run.records["index"].to_pylist(), run.records["id"].to_pylist(), strict=True))
    places = {name: place for place, name in enumerate(samples.ids)}
    there = [place for place, number in enumerate(index.tolist()) if ids.get(number) in places]
    if len(index) and not there:
        raise UsageError("the data have none of the samples that were broken; give the data of the audit")
    if run.result["threat"]["text"].endswith(":per sample"):
        raise UsageError(
            "the run's threat has a budget per sample or coordinate, which only its Python code knows"
        )
    samples = _as_audited(run, samples)
    columns = samples.domain.columns
    if columns is not None:
        adversarial = columns.in_scales(adversarial)
    looked = look(shown_rows(model, columns), samples.first(8), samples.labels)
    same = looked.digest is not None and looked.digest == run.result["model"]["digest"]
    chosen = samples.select([places[ids[number]] for number in index[there].tolist()])
    held = _held(run, looked, chosen, adversarial[there], batch)
    refuted = index[there][~held].tolist()
    return Remeasured(len(index), int(held.sum()), tuple(refuted), len(index) - len(there), same)


def _as_audited(run: Run, samples: Samples) -> Samples:
    """Rows of a table with the columns that the run was audited with."""
    told = run.result["data"].get("columns")
    if told is None or samples.domain.columns is not None:
        return samples
    columns = Columns.told(told)
    return replace(samples.having(columns.in_scales(samples.inputs)), domain=domain_of(columns))


def _held(run: Run, model: Model, samples: Samples, adversarial: torch.Tensor, batch: int) -> torch.Tensor:
    device = model.device
    inputs, labels = samples.inputs.to(device), samples.labels.to(device)
    threat = parse_threat(run.result["threat"]["text"]).bind(inputs, samples.domain)
    draws = DRAWS if model.randomised else 1
    with untouched(model):
        found = verified(
            model, inputs, labels, adversarial.to(device), threat, samples.domain, draws=draws, batch=batch
        )
    return found.holds.cpu()
