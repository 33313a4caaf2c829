"""Detection: scores that tell adversarial inputs from clean ones, thresholds with a promise, attacks that know both."""

from sparring.detect.detector import Detector
from sparring.detect.evaluating import Evaluation, evaluate
from sparring.detect.fitting import fit_detector
from sparring.detect.saved import load_detector, save_detector
from sparring.detect.scores import SCORES
from sparring.detect.view import View

__all__ = [
    "SCORES",
    "Detector",
    "Evaluation",
    "View",
    "evaluate",
    "fit_detector",
    "load_detector",
    "save_detector",
]
