"""What would this scan have missed? Known poisons are planted in the user's own data and looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sparring.data import Samples
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.poison.making.kinds import drawn
from sparring.poison.making.planting import class_count, plant
from sparring.poison.scanning import Settings, scan

__all__ = ["Finding", "Power", "power", "tried"]


@dataclass(frozen=True)
class Finding:
    """One planted poison: whether the alarm went off, and what share of poisoned and clean samples it named."""

    seed: int
    alarmed: bool
    found: float
    blamed: float


@dataclass(frozen=True)
class Power:
    """How often a scan finds poisons of one kind and rate; rate 0 is the control, where every alarm is false."""

    kind: str
    rate: float
    trials: tuple[Finding, ...]

    @property
    def caught(self) -> int:
        """Trials in which the alarm went off."""
        return sum(trial.alarmed for trial in self.trials)

    @property
    def interval(self) -> Interval:
        """Exact, at 95%, of the chance of being caught."""
        return exact_interval(self.caught, len(self.trials))


def power(
    samples: Samples,
    trusted: Samples,
    kinds: Sequence[str],
    rates: Sequence[float],
    trials: int,
    settings: Settings | None = None,
    *,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> tuple[Power, ...]:
    """Plant each kind at each rate `trials` times, with another trigger, target and choice each time, and scan.

    The user's samples may hold poison already; then it is found in every trial, and the control shows it. Cost: one
    scan per trial, and `trials` for the control.

    Args:
        samples: Poison is planted in copies of these.
        trusted: As for the scan.
        kinds: Of `kinds.KINDS`.
        rates: Poisoned samples as a share of all samples.
        trials: Per kind and rate.
        settings: Of the scan.
        seed: Of triggers, targets and choices.
        told: Told after every scan how many are done, of how many.
    """
    settings = settings or Settings()
    cells = [("control", 0.0), *((kind, rate) for kind in kinds for rate in rates)]
    results = []
    for cell, (kind, rate) in enumerate(cells):
        findings = []
        for trial in range(trials):
            findings.append(
                tried(samples, trusted, kind, rate, seed + trial, replace(settings, seed=seed + trial))
            )
            if told is not None:
                told(cell * trials + trial + 1, len(cells) * trials)
        results.append(Power(kind, rate, tuple(findings)))
    return tuple(results)


def tried(
    samples: Samples, trusted: Samples, kind: str, rate: float, seed: int, settings: Settings
) -> Finding:
    """Plant one poison, with everything about it drawn from `seed`, and scan; none at rate 0."""
    if rate == 0:
        suspects = scan(samples, trusted, settings)
        return Finding(seed, suspects.verdict == "fail", 0.0, len(suspects.suspects) / len(samples))
    target = seed % class_count(samples)
    spec = drawn(kind, samples, rate, target, seed, settings.make, settings.recipe)
    poisoned, provenance = plant(samples, spec)
    result = scan(poisoned, trusted, settings)
    mask = provenance.mask(len(samples))
    named = mask.new_zeros(len(mask))
    named[result.suspects] = True
    found = float((named & mask).sum() / mask.sum())
    blamed = float((named & ~mask).sum() / (~mask).sum())
    return Finding(seed, result.verdict == "fail", found, blamed)
