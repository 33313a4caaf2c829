"""Planting a poison in a data set, with a note of everything that was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.data.ids import name_samples
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.errors import DataError, UsageError
from sparring.poison.making.spec import PoisonSpec
from sparring.poison.making.triggers import Trigger

__all__ = ["Provenance", "class_count", "plant", "triggered", "undo"]


@dataclass(frozen=True, eq=False)
class Provenance:
    """What was changed: enough to tell poison from clean for sure, and to take it back.

    Attributes:
        name: Of the poison.
        rate: Poisoned samples as a share of the whole.
        before: Digest of the samples as they were.
        after: Digest of the samples with the poison.
        places: (K,) positions that were changed, rising.
        poisoned: (K,) bool, False for covers.
        ids: The K names that they had.
        inputs: (K, *shape), the inputs that they had.
        labels: (K,), the labels that they had.
    """

    name: str
    rate: float
    before: str
    after: str
    places: Tensor
    poisoned: Tensor
    ids: tuple[str, ...]
    inputs: Tensor
    labels: Tensor

    def mask(self, count: int) -> Tensor:
        """Which of `count` samples are poisoned, covers left out: (count,) bool."""
        mask = torch.zeros(count, dtype=torch.bool)
        mask[self.places[self.poisoned]] = True
        return mask


def class_count(samples: Samples) -> int:
    """How many classes there are, by names or else by the largest label.

    Raises:
        DataError: There is only one.
    """
    count = len(samples.classes) if samples.classes else int(samples.labels.max()) + 1
    if len(samples.labels.unique()) < 2:
        raise DataError(
            f"all {len(samples):,} samples have label {int(samples.labels[0])}; poisoning needs two classes at least"
        )
    return count


def plant(samples: Samples, spec: PoisonSpec) -> tuple[Samples, Provenance]:
    """Poison `samples`, which are left as they are.

    Who is poisoned depends on the seed and on the samples' names: neither order nor what else is in the set changes
    it, and a smaller rate poisons some of those of a larger one.

    Raises:
        UsageError: The rate rounds to zero, there are too few candidates, or the trigger breaks its own bound.
    """
    poisoned, covers = _chosen(samples, spec)
    places = torch.cat([poisoned, covers]).sort().values
    rows = samples.select(places)
    is_poison = torch.isin(places, poisoned)
    planted = spec.trigger(rows.inputs) if spec.planted is None else spec.planted(rows.inputs, places)
    inputs = _in_domain(planted, samples.domain)
    _check_visible(rows.inputs, inputs, spec)
    given = spec.relabelling.given(rows.labels, class_count(samples))
    labels = torch.where(is_poison, given, rows.labels)
    new = replace(
        samples.having(samples.inputs.index_copy(0, places, inputs)),
        labels=samples.labels.index_copy(0, places, labels),
        ids=_renamed(samples, places.tolist(), inputs),
    )
    note = Provenance(
        spec.name,
        spec.rate,
        samples.digest,
        new.digest,
        places,
        is_poison,
        rows.ids,
        rows.inputs,
        rows.labels,
    )
    return new, note


def undo(samples: Samples, provenance: Provenance) -> Samples:
    """The samples as they were before `plant`, bit for bit.

    Raises:
        DataError: These are not the samples that were poisoned.
    """
    if samples.digest != provenance.after:
        raise DataError(
            "these samples are not the ones that the sidecar was written for, or they were changed since; "
            "undo needs exactly those"
        )
    ids = list(samples.ids)
    for place, name in zip(provenance.places.tolist(), provenance.ids, strict=True):
        ids[place] = name
    return replace(
        samples.having(samples.inputs.index_copy(0, provenance.places, provenance.inputs)),
        labels=samples.labels.index_copy(0, provenance.places, provenance.labels),
        ids=tuple(ids),
    )


def triggered(trigger: Trigger, inputs: Tensor, domain: Domain) -> Tensor:
    """`inputs` (B, *shape) with the trigger, as a user of the model could send them: in range and on the grid."""
    return _in_domain(trigger(inputs), domain)


def _chosen(samples: Samples, spec: PoisonSpec) -> tuple[Tensor, Tensor]:
    """Positions of poisoned samples and of covers."""
    wanted, covers = spec.counts(len(samples))
    order = Draws(row_keys(spec.seed, samples.ids, "poison")).uniform(
        torch.zeros(len(samples), dtype=torch.float64)
    )
    ranked = order.argsort()
    if spec.first is not None:
        ranked = ranked[spec.first(samples)[ranked].argsort(descending=True, stable=True)]
    candidates = spec.relabelling.candidates(samples.labels)
    eligible = ranked[candidates[ranked]]
    if len(eligible) < wanted:
        raise UsageError(
            f"a rate of {spec.rate:.3%} is {wanted:,} samples, but only {len(eligible):,} may be poisoned by "
            f'"{spec.name}"; lower the rate to {len(eligible) / len(samples):.3%} at most'
        )
    poisoned = eligible[:wanted]
    rest = ranked[~torch.isin(ranked, poisoned)]
    return poisoned, rest[:covers]


def _in_domain(inputs: Tensor, domain: Domain) -> Tensor:
    low, high = torch.as_tensor(domain.low).to(inputs), torch.as_tensor(domain.high).to(inputs)
    inside = inputs.clamp(low, high)
    if domain.step is None:
        return inside
    steps = (
        1 / domain.step
    )  # divided by, as 8-bit images are when they are loaded: the same bits for the same level
    return ((inside - low) * steps).round() / steps + low


def _check_visible(before: Tensor, after: Tensor, spec: PoisonSpec) -> None:
    largest = float((after - before).abs().max())
    if spec.visible is not None and largest > spec.visible + 1e-6:
        raise UsageError(
            f'"{spec.name}" changes a value by {largest:.3g}, more than its bound of {spec.visible:.3g}; '
            "weaken the trigger or raise the bound"
        )


def _renamed(samples: Samples, places: Sequence[int], inputs: Tensor) -> tuple[str, ...]:
    """Names of all samples; only those whose content changed get a new one."""
    ids = list(samples.ids)
    taken = set(ids)
    for place, name, new in zip(places, name_samples(inputs.numpy()), inputs, strict=True):
        if not torch.equal(new, samples.inputs[place]):
            ids[place] = name if name not in taken else f"{name}-at-{place}"
    return tuple(ids)
