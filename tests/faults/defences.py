"""Faults in defences and detection: what an unaware attacker sees, thresholds, evasions, fingerprints."""

from __future__ import annotations

from tests.faults.fault import Fault

DEFENCES = (
    Fault(
        "the unaware attacker is told the way through",
        "evaluation/trial/unadapted.py",
        "with as_written(plan.model):",
        "with as_written(len):",
        ("tests/defences/",),
    ),
    Fault(
        "a stand-in changes the answer",
        "images/gradients.py",
        "return values.clone()",
        "return stand_in.clone()",
        ("tests/defences/", "tests/images/"),
    ),
    Fault(
        "the differentiable JPEG divides by the table of another quality",
        "images/compression.py",
        "200 - 2 * each",
        "200 - each",
        ("tests/images/",),
    ),
    Fault(
        "the threshold is one calibration score too low",
        "detect/conformal.py",
        "calibration.sort().values[place - 1]",
        "calibration.sort().values[place - 2]",
        ("tests/detect/test_conformal.py",),
    ),
    Fault(
        "the promise about this calibration is that about the average",
        "detect/conformal.py",
        "_marginal(count, rate) if level is None else _conditional(count, rate, level)",
        "_marginal(count, rate)",
        ("tests/detect/test_conformal.py",),
    ),
    Fault(
        "who is flagged has evaded",
        "detect/evading.py",
        "wrong & (self.room(outputs) >= 0)",
        "wrong",
        ("tests/detect/test_evaluating.py",),
    ),
    Fault(
        "evasions are not asked again",
        "detect/attackers.py",
        "holds = holds & (self.detector.of(self.view, points) <= bound)",
        "holds = ~holds",
        ("tests/detect/test_evaluating.py",),
    ),
    Fault(
        "an orthogonal step keeps the part that it should drop",
        "detect/orthogonal.py",
        "return gradient - over_rows(along, gradient) * other",
        "return gradient + over_rows(along, gradient) * other",
        ("tests/detect/test_orthogonal.py",),
    ),
    Fault(
        "the detector weighs less the more it is in the way",
        "detect/balancing.py",
        "> 0, TURN, -TURN",
        "> 0, -TURN, TURN",
        ("tests/detect/test_balancing.py",),
    ),
    Fault(
        "a class is aimed at by the lead of another",
        "detect/evading.py",
        "if aim is None:",
        "if aim is not None:",
        ("tests/detect/test_evaluating.py",),
    ),
    Fault(
        "a watchman looks at all accounts",
        "detect/stateful/memory.py",
        "PRINTS.c.account == account, PRINTS.c.print",
        "PRINTS.c.print",
        ("tests/detect/test_stateful.py",),
    ),
    Fault(
        "a watchman never forgets",
        "detect/stateful/watchman.py",
        "now - self.seconds",
        "0.0 * now",
        ("tests/detect/test_stateful.py",),
    ),
)
