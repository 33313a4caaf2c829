"""The audit of a data set: who is suspicious, why, and whether anything is planted at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.poison.alarm import EVERYWHERE, Alarm, Peak, fewest_findable, judge
from sparring.poison.detectors import DETECTORS
from sparring.poison.evidence import Evidence, evidence_of
from sparring.poison.making.planting import class_count
from sparring.poison.making.victim import SHORT, Make
from sparring.poison.pool import Pool, pool_of
from sparring.training import Progress, Recipe, fit, small_net

__all__ = ["Detector", "Scan", "Settings", "scan"]

Detector = Callable[[Evidence], Tensor]

BEYOND = 3.0
"""Standard errors that are no chance."""


@dataclass(frozen=True)
class Settings:
    """How a scan is done.

    Args:
        level: The alarm goes off for at most this share of clean data sets.
        find: The smallest rate of poison that must be findable, else no alarm is inconclusive.
        make: Makes the model that learns from the data, if none is given.
        recipe: How it is trained.
        detectors: What is tried, by name.
        relabellings: Of the test behind the alarm.
        seed: Of all draws.
    """

    level: float = 0.05
    find: float = 0.01
    make: Make = small_net
    recipe: Recipe = SHORT
    detectors: Mapping[str, Detector] = field(default_factory=lambda: dict(DETECTORS))
    relabellings: int = 999
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 / (self.relabellings + 1) <= self.level < 1:
            raise UsageError(
                f"an alarm rate lies between {1 / (self.relabellings + 1):g} and 1, 0.05 say; got {self.level:g}"
            )
        if not 0 < self.find < 1:
            raise UsageError(f"the rate to find is a share of the data, 0.01 say; got {self.find:g}")


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found.

    Args:
        verdict: `fail` if the alarm went off, `pass` if not, `inconclusive` if it could not have, `measured` without
            trusted samples: then there is a ranking and no alarm; `invalid` if a given model knows the scanned samples
            better than the trusted ones.
        reasons: Why, a sentence each.
        alarm: The test; None without trusted samples.
        raised: The peaks that raised the alarm, at most one per class, the strongest evidence first.
        suspects: (K,) positions in the scanned samples, of those that raised the alarm, the most suspicious first.
        pool: What was looked at.
        evidence: What the model made of it.
        scores: By detector, (N,), in the order of the pool.
        notes: What a reader must know, a sentence each.
    """

    verdict: str
    reasons: tuple[str, ...]
    alarm: Alarm | None
    raised: tuple[Peak, ...]
    suspects: Tensor
    pool: Pool
    evidence: Evidence
    scores: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def scan(
    samples: Samples,
    trusted: Samples | None = None,
    settings: Settings | None = None,
    *,
    model: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Scan:
    """Look for poison in `samples`.

    Args:
        samples: Scanned.
        trusted: Known to be clean, drawn like the rest of their class. Without, nothing can be said about alarms.
        settings: How.
        model: Trained on the samples *and* the trusted ones alike, or on neither; without, one is trained here. A
            model that saw only one of them makes the alarm worthless.
        progress: Told after every update of that training.

    Raises:
        DataError: There is one class only, or shapes do not fit.
        ModelError: The model has fewer classes than the data.
    """
    settings = settings or Settings()
    class_count(samples)
    pool = pool_of(samples, trusted, settings.seed)
    inputs, labels = pool.samples.inputs, pool.samples.labels
    losses, given = None, model is not None
    if model is None:
        fitted = fit(
            settings.make(pool.samples, settings.seed), pool.samples, settings.recipe,
            seed=settings.seed, progress=progress,
        )  # fmt: skip
        model, losses = fitted.model, fitted.losses
    evidence = evidence_of(model, inputs, labels, losses)
    scores = {name: detector(evidence) for name, detector in settings.detectors.items()}
    notes = _notes(pool, evidence)
    if trusted is None:
        reason = "no trusted samples were given, so samples are ranked and no alarm can be promised a rate"
        nothing = torch.empty(0, dtype=torch.long)
        return Scan("measured", (reason,), None, (), nothing, pool, evidence, scores, notes)
    alarm = judge(scores, labels, pool.trusted, settings.relabellings, settings.seed)
    raised = _raised(alarm, settings.level)
    verdict, reasons = _verdict(pool, alarm, raised, settings)
    if given and (fault := _learned_from_one(pool, evidence)):
        verdict, reasons = "invalid", (fault,)
    return Scan(verdict, reasons, alarm, raised, _suspects(raised, pool), pool, evidence, scores, notes)


def _raised(alarm: Alarm, level: float) -> tuple[Peak, ...]:
    """The strongest peak beyond chance of each class; that of all classes together if it is the strongest of all."""
    beyond = [peak for peak in alarm.peaks if peak.p_value <= level]
    if beyond and beyond[0].label == EVERYWHERE:
        return (beyond[0],)
    strongest: dict[int, Peak] = {}
    for peak in beyond:
        if peak.label != EVERYWHERE:
            strongest.setdefault(peak.label, peak)
    return tuple(strongest.values())


def _suspects(raised: tuple[Peak, ...], pool: Pool) -> Tensor:
    rows = torch.cat([torch.empty(0, dtype=torch.long), *(peak.rows for peak in raised)])
    places = pool.places[rows]
    return places[places >= 0]


def _verdict(
    pool: Pool, alarm: Alarm, raised: tuple[Peak, ...], settings: Settings
) -> tuple[str, tuple[str, ...]]:
    if raised:
        return "fail", tuple(_told(peak) for peak in raised)
    fewest = fewest_findable(pool.samples.labels, pool.trusted, settings.level, len(settings.detectors))
    wanted = settings.find * int((~pool.trusted).sum())
    calm = f"nothing is beyond chance (p = {alarm.p_value:.3f}, the alarm goes off at {settings.level:g})"
    if fewest is None:
        return "inconclusive", (f"{calm}, but a class has no trusted samples: give some of each class",)
    if fewest > wanted:
        return "inconclusive", (
            f"{calm}, but so few trusted samples cannot give away {wanted:.0f} poisoned ones "
            f"({settings.find:.2%}), {fewest:,} at the earliest; give more trusted samples, or accept a higher --find",
        )
    return "pass", (f"{calm}; `sparring poison power` measures what would have been found",)


def _learned_from_one(pool: Pool, evidence: Evidence) -> str | None:
    """What is wrong if a given model does better on scanned samples than on trusted ones, by more than chance."""
    right = (evidence.logits.argmax(1) == evidence.labels).double()
    scanned, known = right[~pool.trusted], right[pool.trusted]
    chance = (right.var() * (1 / len(scanned) + 1 / len(known))).sqrt()
    if scanned.mean() - known.mean() <= BEYOND * chance:
        return None
    return (
        f"the model is right on {scanned.mean():.1%} of the scanned samples and on {known.mean():.1%} of the trusted "
        "ones, so it learned from the first and not from the second, which no alarm can be told from; give a model "
        "that learned from both or from neither, or none"
    )


def _told(peak: Peak) -> str:
    where = "all classes together" if peak.label == EVERYWHERE else f"class {peak.label}"
    return (
        f"of the {len(peak.rows):,} samples of {where} that are most suspicious by {peak.detector}, {peak.trusted:,} "
        f"are trusted ones, where {peak.expected:.1f} were to be expected "
        f"(p = {peak.p_value:.3f} over everything tried)"
    )


def _notes(pool: Pool, evidence: Evidence) -> tuple[str, ...]:
    notes = []
    right = float((evidence.logits.argmax(1) == evidence.labels).float().mean())
    if right < 0.5:
        notes.append(
            f"the model answers {right:.0%} of these samples as they are labelled: it hardly knows these data, so "
            "detectors that read its features are blind"
        )
    copies = sum(name[64:].startswith("-") for name in pool.samples.ids)
    if copies:
        notes.append(f"{copies:,} samples are exact copies of others")
    if pool.repeated:
        notes.append(f"{pool.repeated:,} scanned samples are among the trusted ones and count as those")
    return tuple(notes)
