"""What an evaluation of a detector means, as findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sparring.detect.evaluating import Evaluation

__all__ = ["findings_of"]


def findings_of(seen: Evaluation, scores: Sequence[str]) -> list[dict[str, Any]]:
    """Findings in the form of `result.json`: `id`, `severity`, `message`, `samples`."""
    found, best = [], max(seen.rates, key=lambda line: line.robust)
    gone = f"{seen.robust_of_model} of {seen.samples}"
    unaware = max(line.unaware_robust for line in seen.rates)
    if not seen.plausible(unaware):
        message = (
            f"who does not know the detector leaves {unaware} of {seen.samples} samples right; a detector that "
            "withstood this size would give a classifier that withstands half of it (Tramèr 2022), where the model "
            f"itself keeps {seen.half_robust}: such a claim would be implausible"
        )
        found.append(_finding("implausible-unaware", "note", message, unaware))
    if not seen.plausible(best.robust):
        message = (
            f"even who knows the detector leaves {best.robust} of {seen.samples}, more than the model keeps at half of "
            f"the size ({seen.half_robust}); that would be the discovery of a much better classifier, so the attack "
            "was probably too weak: give more steps, and look at the scores for what stops their gradients"
        )
        found.append(_finding("implausible", "warning", message, best.robust))
    if best.robust <= seen.robust_of_model:
        message = (
            f"against who knows it the detector ({', '.join(scores)}) adds nothing: {best.robust} of {seen.samples} "
            f"with it, {gone} without any detector, and clean inputs that it flags are lost"
        )
        found.append(_finding("adds-nothing", "warning", message, best.robust))
    return found


def _finding(name: str, severity: str, message: str, samples: int) -> dict[str, Any]:
    return {"id": name, "severity": severity, "message": message, "samples": samples}
