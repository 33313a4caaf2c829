"""What `sparring transfer` makes examples on: models that it is given, one that it steals, and toughened ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparring.cli.stated import stated_surrogate

if TYPE_CHECKING:
    from sparring.cli.jobs import Job
    from sparring.data import Samples
    from sparring.models import Model
    from sparring.threat import Threat

__all__ = ["surrogates_of"]


def surrogates_of(job: Job, target: Model, whole: Samples, attacked: Samples, threat: Threat) -> list[Model]:
    """All of them; those that learn do so from samples that are not attacked."""
    own = [stated_surrogate(each, job["device"], whole) for each in job["surrogate"] or []]
    if job["steal_queries"] is not None:
        rest = _not_attacked(whole, attacked, "steal with")
        own += _stolen(target, attacked, rest, job["steal_queries"], _light(threat), job["seed"])
    if job["toughen"]:
        rest = _not_attacked(whole, attacked, "train on")
        own += _toughened(own, rest, _light(threat), job["seed"])
    return own


def _light(threat: Threat) -> Threat:
    """What surrogates learn to withstand: a quarter of the threat."""
    return replace(threat, eps=threat.eps / 4)


def _stolen(
    target: Model, attacked: Samples, rest: Samples, queries: int, threat: Threat, seed: int
) -> list[Model]:
    """Small nets trained on what the target answers; how many classes it knows, the first attacked sample shows."""
    from sparring.cli.teaching import teaching
    from sparring.training import small_nets
    from sparring.transfer import steal
    from sparring.transfer.table import answers

    classes = answers(target, attacked.inputs[:1], 1).shape[1]
    with teaching(f"surrogates of {queries} answers", shown=True) as watch:
        return steal(
            target, rest, queries, small_nets(rest, classes, seed), threat, seed=seed, progress=watch
        )


def _toughened(surrogates: list[Model], rest: Samples, threat: Threat, seed: int) -> list[Model]:
    """The surrogates after light adversarial training."""
    from sparring.cli.teaching import teaching
    from sparring.transfer import toughened

    tough = []
    for each in surrogates:
        with teaching(f"toughening {each.name}", shown=True) as watch:
            tough.append(toughened(each, rest, threat, seed=seed, progress=watch))
    return tough


def _not_attacked(whole: Samples, attacked: Samples, purpose: str) -> Samples:
    """The samples that are not attacked.

    Raises:
        DataError: There are none.
    """
    from sparring.errors import DataError

    kept = set(attacked.ids)
    rest = whole.select([place for place, name in enumerate(whole.ids) if name not in kept])
    if not len(rest):
        raise DataError(
            f"all samples are attacked and none is left to {purpose}; give a smaller --sample or --limit"
        )
    return rest
