"""What `sparring transfer` makes examples on: models that it is given, one that it steals, and toughened ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.cli.jobs import loaded_surrogate

if TYPE_CHECKING:
    from sparring.cli.jobs import Job
    from sparring.data import Samples
    from sparring.models import Model
    from sparring.threat import Threat

__all__ = ["surrogates_of"]


def surrogates_of(job: Job, target: Model, whole: Samples, attacked: Samples, threat: Threat) -> list[Model]:
    """All of them; those that learn do so from samples that are not attacked."""
    own = [_stated(each, job["device"], whole) for each in job["surrogate"] or []]
    if job["steal_queries"] is not None:
        rest = _not_attacked(whole, attacked, "steal with")
        own.append(_stolen(target, whole, rest, job["steal_queries"], _light(threat), job["seed"]))
    if job["toughen"]:
        rest = _not_attacked(whole, attacked, "train on")
        own += _toughened(own, rest, _light(threat), job["seed"])
    return own


def _stated(words: str, device: str | None, samples: Samples) -> Model:
    """A surrogate from `source[,weights][,size=299][,scale=255][,classes=theirs.txt]`.

    Raises:
        UsageError: What is stated about it is not understood.
    """
    from sparring.errors import UsageError
    from sparring.transfer import mapped

    parts = words.split(",")
    stated = dict(each.split("=", 1) for each in parts if "=" in each)
    model = loaded_surrogate(",".join(each for each in parts if "=" not in each), device)
    if not stated:
        return model
    for name in stated.keys() - {"size", "scale", "classes"}:
        raise UsageError(f"--surrogate knows no {name!r}; it may state size=, scale= and classes=")
    try:
        size = int(stated["size"]) if "size" in stated else None
        scale = float(stated.get("scale", 1))
    except ValueError:
        raise UsageError(
            f"size is in whole pixels and scale a number, but --surrogate says {words!r}"
        ) from None
    order = _order(samples, stated["classes"]) if "classes" in stated else None
    return mapped(model, size=size, scale=scale, order=order)


def _order(samples: Samples, listed: str) -> list[int]:
    """The samples' classes among those of a file with a name per line, in the surrogate's order."""
    from sparring.errors import UsageError
    from sparring.transfer import class_order

    if samples.classes is None:
        raise UsageError(
            "the samples' classes have no names to find among the surrogate's; give them by --classes"
        )
    if not Path(listed).is_file():
        raise UsageError(f"there is no file of class names {listed!r}")
    lines = Path(listed).read_text("utf-8").splitlines()
    return class_order(samples.classes, [line.strip() for line in lines if line.strip()])


def _light(threat: Threat) -> Threat:
    """What surrogates learn to withstand: a quarter of the threat."""
    return replace(threat, eps=threat.eps / 4)


def _stolen(target: Model, whole: Samples, rest: Samples, queries: int, threat: Threat, seed: int) -> Model:
    """A small net for all classes, trained on what the target answers."""
    from sparring.cli.teaching import teaching
    from sparring.training import small_net
    from sparring.transfer import steal

    with teaching(f"a surrogate of {queries} answers", shown=True) as watch:
        return steal(target, rest, queries, small_net(whole, seed), threat, seed=seed, progress=watch)


def _toughened(surrogates: list[Model], rest: Samples, threat: Threat, seed: int) -> list[Model]:
    """The surrogates after light adversarial training."""
    from sparring.transfer import toughened

    return [toughened(each, rest, threat, seed=seed) for each in surrogates]


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
