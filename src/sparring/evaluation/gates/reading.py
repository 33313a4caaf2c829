"""What a search for smallest changes says about one budget: its curve, read at an eps."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from sparring.errors import UsageError
from sparring.evaluation.gates.settings import Gates
from sparring.storage import Run

__all__ = ["check_reading", "read_at"]


def check_reading(gates: Gates, threat: str) -> None:
    """Refuse gates with an eps where the threat has one, and without where it has none.

    Args:
        gates: What is demanded.
        threat: Of the run, in words.

    Raises:
        UsageError: The gates cannot be judged.
    """
    norm, _, size = threat.partition(":")
    smallest = size.startswith("min")
    if gates.eps is not None and not smallest:
        raise UsageError(
            f"the run is about {threat}, and its gate can be about no other eps; audit under {norm}:min to read any eps"
        )
    if smallest and gates.max_drop is not None:
        raise UsageError(
            f"a drop needs a budget in both runs: audit under {norm} and a size instead of {threat}"
        )
    if smallest and gates.demands and gates.eps is None:
        raise UsageError(
            f"under {threat} a gate needs the size that it is about: give an eps, for example "
            f"{'8/255' if norm == 'linf' else '24' if norm == 'l0' else '0.5'}"
        )


def read_at(run: Run, eps: float) -> Run:
    """The run as if larger changes than `eps` were not allowed: samples that need more are robust.

    A change that is larger by no more than a ten-millionth of it counts as not larger.
    """
    records = run.records
    far = [
        status == "broken" and distance > eps * (1 + 1e-7)
        for status, distance in zip(
            *(records[name].to_pylist() for name in ("status", "distance")), strict=True
        )
    ]
    old = records["status"].to_pylist()
    statuses = ["robust" if beyond else status for status, beyond in zip(old, far, strict=True)]
    place = records.schema.get_field_index("status")
    read = records.set_column(place, records.schema.field(place), pa.array(statuses))
    robust = statuses.count("robust")
    counts = {"robust": robust, "robust_accuracy": robust / max(len(statuses), 1)}
    return replace(run, result={**run.result, **counts}, records=read)
