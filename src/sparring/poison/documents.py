"""What the commands write into `result.json`, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from sparring.data import Samples
from sparring.poison.alarm import Peak
from sparring.poison.certified import Certified
from sparring.poison.detection_power import Power
from sparring.poison.inspection import Inspection
from sparring.poison.making.planting import Provenance
from sparring.poison.making.victim import Answers, Share, Trial
from sparring.poison.reconstruction import Reconstruction
from sparring.poison.remedies import Remedied
from sparring.poison.scanning import Scan

__all__ = [
    "certified_body",
    "inspection_body",
    "power_body",
    "rehearsal_body",
    "repair_body",
    "scan_body",
    "scores_table",
]

STEPS = (0, 1 / 24, 1 / 12, 1 / 6, 1 / 3)
"""Insertions at which certified accuracy is told, as shares of the parts: 0, 50, 100, 200, 400 of 1,200."""


def rehearsal_body(
    kind: str, provenances: Sequence[Provenance], trials: Sequence[Sequence[Trial]]
) -> dict[str, Any]:
    """Of `poison run`: per rate and seed, victim beside control."""
    return {
        "kind": kind,
        "rates": [
            {
                "rate": note.rate,
                "poisoned": int(note.poisoned.sum()),
                "covers": int((~note.poisoned).sum()),
                "trials": [
                    {"seed": each.seed, "control": _answers(each.control), "victim": _answers(each.victim)}
                    for each in tried
                ],
            }
            for note, tried in zip(provenances, trials, strict=True)
        ],
    }


def power_body(found: Sequence[Power], level: float, find: float) -> dict[str, Any]:
    """Of `poison power`."""
    return {
        "level": level,
        "find": find,
        "cells": [
            {
                "kind": each.kind,
                "rate": each.rate,
                "trials": len(each.trials),
                "caught": each.caught,
                "interval": asdict(each.interval),
                "found": sum(trial.found for trial in each.trials) / len(each.trials),
                "blamed": sum(trial.blamed for trial in each.trials) / len(each.trials),
            }
            for each in found
        ],
    }


def repair_body(
    kind: str, rate: float, trusted: int, samples: int, found: Sequence[Remedied]
) -> dict[str, Any]:
    """Of `poison repair`."""
    return {
        "kind": kind,
        "rate": rate,
        "trusted": trusted,
        "trusted_share": trusted / samples,
        "remedies": [
            {"remedy": each.remedy, "trusted": each.trusted, **_answers(each.answers)} for each in found
        ],
    }


def certified_body(
    found: Certified, labels: Tensor, parts: int, spread: int, election: str
) -> dict[str, Any]:
    """Of `poison certify`: how many test answers are right and certified, by insertions or deletions."""
    steps = sorted({round(parts * share) for share in STEPS})
    right = [round(found.accuracy(labels, step) * len(labels)) for step in steps]
    return {
        "parts": parts,
        "spread": spread,
        "election": election,
        "certified": [
            {"insertions": step, **_share(Share(count, len(labels)))}
            for step, count in zip(steps, right, strict=True)
        ],
    }


def scan_body(scan: Scan, level: float, reconstruction: Reconstruction | None) -> dict[str, Any]:
    """Of `poison scan`; `scores_table` has every sample."""
    scanned = ~scan.pool.trusted
    return {
        "level": level,
        "p_value": None if scan.alarm is None else scan.alarm.p_value,
        "trusted": int(scan.pool.trusted.sum()),
        "detectors": list(scan.scores),
        "raised": [_peak(peak) for peak in scan.raised],
        "suspects": scan.suspects.tolist(),
        "suspected_share": len(scan.suspects) / int(scanned.sum()),
        "notes": list(scan.notes),
        "trigger": None
        if reconstruction is None
        else {
            "target": reconstruction.target,
            "opened": asdict(reconstruction.opened),
            "shuffled": asdict(reconstruction.shuffled),
        },
    }


def inspection_body(found: Inspection, level: float, references: int) -> dict[str, Any]:
    """Of `poison inspect`: both signs of every class, beside those of the reference models."""
    columns = {"margin": found.margins, "trigger_size": found.inverted.sizes, "opened": found.inverted.opened}
    if found.usual_margins is not None and found.usual_sizes is not None:
        columns |= {"usual_margin": found.usual_margins, "usual_trigger_size": found.usual_sizes}
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return {
        "level": level,
        "references": references,
        "p_value": found.p_value,
        "suspect": found.suspect,
        "classes": [
            {"label": label, **dict(zip(columns, row, strict=True))} for label, row in enumerate(rows)
        ],
    }


def scores_table(scan: Scan, samples: Samples) -> pa.Table:
    """A row per scanned sample: what the model answers, and its place by each detector.

    A place is the share of its class that is more suspicious: 0 for the most suspicious sample, nearly 1 for the least.
    """
    rows = scan.pool.places.argsort()[int(scan.pool.trusted.sum()) :]
    places = scan.pool.places[rows]
    suspected = torch.isin(places, scan.suspects)
    columns: dict[str, Any] = {
        "index": samples.index[places].numpy(),
        "id": [samples.ids[place] for place in places.tolist()],
        "label": scan.evidence.labels[rows].numpy(),
        "answer": scan.evidence.logits.argmax(1)[rows].numpy(),
        "suspect": suspected.numpy(),
    }
    columns |= {
        name: standing(scores, scan.evidence.labels)[rows].numpy() for name, scores in scan.scores.items()
    }
    return pa.table(columns)


def standing(scores: Tensor, labels: Tensor) -> Tensor:
    """The share of its class that scores higher than each sample: (N,)."""
    shares = torch.zeros(len(scores))
    for label in labels.unique():
        rows = (labels == label).nonzero()[:, 0]
        ranked = scores[rows].sort().values
        above = len(rows) - torch.searchsorted(ranked, scores[rows], right=True)
        shares[rows] = above / len(rows)
    return shares


def _peak(peak: Peak) -> dict[str, Any]:
    return {
        "detector": peak.detector,
        "label": peak.label,
        "samples": len(peak.rows),
        "trusted": peak.trusted,
        "expected": peak.expected,
        "p_value": peak.p_value,
    }


def _answers(answers: Answers) -> dict[str, Any]:
    return {"clean": _share(answers.clean), "success": _share(answers.success)}


def _share(share: Share) -> dict[str, Any]:
    return {**asdict(share), "interval": asdict(share.interval)}
