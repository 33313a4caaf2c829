"""A rehearsal of remedies: the same poison, before and after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from sparring.data import Samples
from sparring.errors import UsageError, nearest
from sparring.poison.making.planting import class_count, plant
from sparring.poison.making.spec import PoisonSpec
from sparring.poison.making.victim import Answers, answers_of, trained
from sparring.poison.remedies.compressing import compressed
from sparring.poison.remedies.fine_pruning import fine_prune
from sparring.poison.remedies.relabel import relearned
from sparring.poison.remedies.removal import without
from sparring.poison.remedies.unlearning import i_bau
from sparring.poison.scanning import Settings, scan

__all__ = ["REMEDIES", "Case", "Remedied", "Remedy", "remedies_for", "repair"]


@dataclass(frozen=True, eq=False)
class Case:
    """What a remedy may use: a model, the samples it was trained on, and a few trusted ones."""

    model: nn.Module
    samples: Samples
    trusted: Samples
    settings: Settings


@dataclass(frozen=True)
class Remedy:
    """A way from a victim to a model with less of a backdoor.

    Args:
        apply: The way.
        trusts: Whether it needs trusted samples.
        for_tables: Whether it makes sense for tables.
    """

    apply: Callable[[Case], nn.Module]
    trusts: bool
    for_tables: bool = True


@dataclass(frozen=True)
class Remedied:
    """What a remedy did, on test samples.

    Args:
        remedy: Its name; `none` is the victim itself, `control` a model that saw no poison.
        answers: Of the model that came out.
        trusted: How many trusted samples it used.
    """

    remedy: str
    answers: Answers
    trusted: int = 0


def repair(
    train: Samples,
    test: Samples,
    trusted: Samples,
    spec: PoisonSpec,
    remedies: Sequence[str],
    settings: Settings | None = None,
    told: Callable[[int, int], None] | None = None,
) -> tuple[Remedied, ...]:
    """Poison `train`, train a victim, and hold remedies against each other.

    Args:
        train: Poisoned in a copy.
        test: Clean samples that no remedy sees.
        trusted: Clean samples that remedies may use.
        spec: The poison.
        remedies: Of `REMEDIES`.
        settings: Of scans, and of all training.
        told: Told after every step how many are done, of how many.

    Raises:
        UsageError: A remedy is unknown, or makes no sense for these data.
    """
    for remedy in remedies:
        if remedy not in REMEDIES:
            raise UsageError(f'there is no remedy "{remedy}"; {nearest(remedy, REMEDIES)}')
        if not REMEDIES[remedy].for_tables and not train.domain.is_image:
            raise UsageError(
                f'"{remedy}" is for images, and these samples have shape {train.domain.shape}; for tables there are '
                f"{', '.join(remedies_for(train))}"
            )
    settings = settings or Settings()
    classes = class_count(train)
    poisoned, _ = plant(train, spec)
    control = trained(train, settings.make, settings.recipe, settings.seed)
    case = Case(trained(poisoned, settings.make, settings.recipe, settings.seed), poisoned, trusted, settings)
    found = [Remedied("control", answers_of(control, test, spec, classes))]
    found.append(Remedied("none", answers_of(case.model, test, spec, classes)))
    for turn, remedy in enumerate(remedies):
        way = REMEDIES[remedy]
        answers = answers_of(way.apply(case), test, spec, classes)
        found.append(Remedied(remedy, answers, len(trusted) if way.trusts else 0))
        if told is not None:
            told(turn + 1, len(remedies))
    return tuple(found)


def remedies_for(samples: Samples) -> list[str]:
    """The remedies that make sense for such data."""
    return [name for name, way in REMEDIES.items() if samples.domain.is_image or way.for_tables]


def _removed(case: Case) -> nn.Module:
    suspects = scan(case.samples, case.trusted, case.settings).suspects
    settings = case.settings
    return trained(without(case.samples, suspects), settings.make, settings.recipe, settings.seed)


def _relabelled(case: Case) -> nn.Module:
    settings = case.settings
    return relearned(case.samples, settings.make, settings.recipe, settings.seed)


def _pruned(case: Case) -> nn.Module:
    return fine_prune(case.model, case.trusted, seed=case.settings.seed)


def _unlearned(case: Case) -> nn.Module:
    return i_bau(case.model, case.trusted, seed=case.settings.seed)


def _compressed(case: Case) -> nn.Module:
    settings = case.settings
    return compressed(case.samples, case.trusted, settings.make, settings.recipe, settings.seed)


REMEDIES: dict[str, Remedy] = {
    "relabel": Remedy(_relabelled, trusts=False),
    "remove": Remedy(_removed, trusts=True),
    "i-bau": Remedy(_unlearned, trusts=True),
    "fine-pruning": Remedy(_pruned, trusts=True),
    "compress": Remedy(_compressed, trusts=True, for_tables=False),
}
"""Remedies by name."""
