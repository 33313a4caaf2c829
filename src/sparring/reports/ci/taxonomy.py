"""What others call the attacks of a run: NIST AI 100-2 E2025 and MITRE ATLAS, at pinned versions."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from sparring.storage import Run

__all__ = ["ATLAS", "NIST", "TAXONOMIES", "Taxon", "Taxonomy", "evasion", "techniques"]


@dataclass(frozen=True)
class Taxon:
    """One entry of a taxonomy."""

    id: str
    name: str


@dataclass(frozen=True)
class Taxonomy:
    """The entries of a published taxonomy that our findings fall under; names as they are in this version."""

    name: str
    version: str
    organization: str
    uri: str
    taxa: tuple[Taxon, ...]

    def __getitem__(self, taxon: str) -> Taxon:
        return next(each for each in self.taxa if each.id == taxon)


NIST = Taxonomy(
    "NIST AI 100-2",
    "E2025",
    "NIST",
    "https://doi.org/10.6028/NIST.AI.100-2e2025",
    (Taxon("NISTAML.022", "Evasion"), Taxon("NISTAML.025", "Black-box Evasion")),
)
"""Adversarial Machine Learning: A Taxonomy and Terminology of Attacks and Mitigations, March 2025."""

ATLAS = Taxonomy(
    "MITRE ATLAS",
    "5.6.0",
    "MITRE",
    "https://atlas.mitre.org",
    (
        Taxon("AML.T0015", "Evade AI Model"),
        Taxon("AML.T0043.000", "Craft Adversarial Data: White-Box Optimization"),
        Taxon("AML.T0043.001", "Craft Adversarial Data: Black-Box Optimization"),
    ),
)
"""Adversarial Threat Landscape for Artificial-Intelligence Systems; data of version 5.6.0, May 2026."""

TAXONOMIES = (NIST, ATLAS)

evasion = ((NIST, NIST["NISTAML.022"]), (ATLAS, ATLAS["AML.T0015"]))
"""What every audit tries."""

_GRADIENTS = ((ATLAS, ATLAS["AML.T0043.000"]),)
_QUERIES = ((NIST, NIST["NISTAML.025"]), (ATLAS, ATLAS["AML.T0043.001"]))


def techniques(run: Run) -> tuple[tuple[Taxonomy, Taxon], ...]:
    """What the attempts of `run` amount to: evasion, with gradients, by queries alone, or both."""
    climbing = pc.greater(run.attempts["backwards"], 0)
    blind = pc.and_(pc.invert(climbing), pc.greater(run.attempts["queries"], 0))
    return (
        *evasion,
        *(_GRADIENTS if pc.any(climbing).as_py() else ()),
        *(_QUERIES if pc.any(blind).as_py() else ()),
    )
