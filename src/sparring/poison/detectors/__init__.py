"""Detectors: functions from `Evidence` to a score per sample, the more suspicious the higher.

Scores are compared within a class only. A detector must treat all samples alike: it may use their order for nothing.
"""

from sparring.poison.detectors.clustering import activation_clustering
from sparring.poison.detectors.losses import label_errors
from sparring.poison.detectors.mixing import strip
from sparring.poison.detectors.neighbours import neighbour_labels
from sparring.poison.detectors.outliers import robust_outliers
from sparring.poison.detectors.spectral import spectral_signatures

__all__ = [
    "BASELINES",
    "DETECTORS",
    "activation_clustering",
    "label_errors",
    "neighbour_labels",
    "robust_outliers",
    "spectral_signatures",
    "strip",
]

DETECTORS = {
    "robust outliers": robust_outliers,
    "neighbour labels": neighbour_labels,
    "strip": strip,
    "label errors": label_errors,
}
"""What a scan tries, by the names that reports use."""

BASELINES = {"spectral signatures": spectral_signatures, "activation clustering": activation_clustering}
"""What the literature compares with. At small rates they see nothing that the others miss, and every detector costs
the alarm some power, so a scan does not ask them by itself."""
