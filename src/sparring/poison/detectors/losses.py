"""Samples that a model learns late (O2U-Net: Huang et al. 2019, https://doi.org/10.1109/ICCV.2019.00342)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy

from sparring.poison.evidence import Evidence

__all__ = ["label_errors"]


def label_errors(evidence: Evidence) -> Tensor:
    """The mean loss of each sample over the training, or its loss now if nobody kept that: (N,).

    Wrong labels are learned after right ones, as long as nothing else gives them away.
    """
    if evidence.losses is None:
        return cross_entropy(evidence.logits, evidence.labels, reduction="none")
    return evidence.losses.mean(0)
