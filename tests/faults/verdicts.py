"""Faults in what becomes of a search: verification, counting, gates, and whether a run can be trusted."""

from __future__ import annotations

from tests.faults.fault import Fault

CONFORMANCE = "tests/attacks/test_conformance.py::test_law"
BATCHES = "tests/engine/test_batches.py"

VERDICTS = (
    Fault(
        "what only a faster way to ask breaks is believed",
        "evaluation/stages.py",
        "searched, exact = ready, plan.model",
        "searched = ready",
        ("tests/execution",),
    ),
    Fault(
        "clean mistakes are attacked, and counted as broken",
        "evaluation/ledger.py",
        "(self.correct & ~self.broken)",
        "(~self.broken)",
        ("tests/evaluation/",),
    ),
    Fault(
        "clean mistakes are counted as robust",
        "evaluation/outcome.py",
        "return self.ledger.correct & ~self.broken & self.ledger.finished",
        "return ~self.broken & self.ledger.finished",
        ("tests/evaluation/",),
    ),
    Fault(
        "verification allows a hundredth of the range",
        "verify/remeasure.py",
        'slack = {"linf": 1e-6,',
        'slack = {"linf": 1e-2,',
        ("tests/verify/",),
    ),
    Fault(
        "verification does not ask for the prediction",
        "verify/remeasure.py",
        "wrong = (answers != labels) & (answers >= 0) if targets is None",
        "wrong = torch.ones_like(answers, dtype=torch.bool) if targets is None",
        ("tests/verify/",),
    ),
    Fault(
        "verification ignores the range of the data",
        "verify/remeasure.py",
        "in_range = domain.contains(adversarial) & flat",
        "in_range = flat",
        ("tests/verify/",),
    ),
    Fault(
        "one unlucky draw refutes a randomised model",
        "verify/remeasure.py",
        "risk > 0.5",
        "risk > 0.0",
        ("tests/verify/",),
    ),
    Fault(
        "the interval is upside down",
        "evaluation/statistics.py",
        "return Interval(low, high, level)",
        "return Interval(high, low, level)",
        ("tests/evaluation/test_statistics.py",),
    ),
    Fault(
        "the model's mode is left changed",
        "models/guard.py",
        "_keep_tensors(modules), _keep_modes(modules)]",
        "_keep_tensors(modules)]",
        ("tests/models/test_guard.py",),
    ),
    Fault(
        "the global random state is left changed",
        "models/guard.py",
        "restores = [_keep_random(), _keep_registry",
        "restores = [_keep_registry",
        ("tests/models/test_guard.py",),
    ),
    Fault(
        "gradients are left in the model",
        "models/guard.py",
        "kept.tensor.grad = kept.grad",
        "pass",
        ("tests/models/test_guard.py",),
    ),
    Fault(
        "batches are not filled up",
        "models/canonical.py",
        "missing = -len(points) % rows",
        "missing = 0",
        (BATCHES, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "draws of one point are asked for in one call",
        "evaluation/stages.py",
        "searched, judge = Apart(searched, attack.draws), judge and Apart(judge, attack.draws)",
        "pass",
        ("tests/evaluation/test_randomised.py",),
    ),
    Fault(
        "a lucky look ends the search of a sample",
        "evaluation/randomised.py",
        "> SURE",
        "> 0.0",
        ("tests/evaluation/test_randomised.py",),
    ),
    Fault(
        "gates count samples where answers are random",
        "evaluation/gates/shares.py",
        'if "randomised" in run.result["body"]:',
        'if "randomized" in run.result["body"]:',
        ("tests/evaluation/test_randomised.py",),
    ),
    Fault(
        "a planted point may be missed",
        "evaluation/validity.py",
        "return fit.planted >= PLANTED and",
        "return False and",
        ("tests/evaluation/test_planted.py",),
    ),
    Fault(
        "the clean input counts as a planted point",
        "evaluation/planted.py",
        "low + HARD * (top - low)",
        "low - HARD * (top - low)",
        ("tests/evaluation/test_planted.py",),
    ),
    Fault(
        "half of eps is all of it",
        "attacks/nearer.py",
        "eps=self.share * task.threat.eps",
        "eps=task.threat.eps",
        ("tests/attacks/test_nearer.py",),
    ),
    Fault(
        "what a model optimises is kept",
        "models/unoptimised.py",
        "0 * first if",
        "1 * first if",
        ("tests/models/test_unoptimised.py",),
    ),
    Fault(
        "a normalisation of two users is folded",
        "execution/folding.py",
        'before.op != "call_module" or len(before.users) > 1:',
        'before.op != "call_module":',
        ("tests/execution",),
    ),
    Fault(
        "the last change is kept instead of the smallest",
        "evaluation/ledger.py",
        "moved = found.distance < old.distance if",
        "moved = found.success if",
        ("tests/evaluation/test_smallest.py",),
    ),
    Fault(
        "the bound on what fast missed spends the error of the draw, too",
        "evaluation/gates/shares.py",
        "return (1 - level) / 2 if sampling.drawn else 1 - level",
        "return 1 - level",
        ("tests/evaluation/test_risk.py",),
    ),
    Fault(
        "misled fast makes no room for standard",
        "evaluation/auditing.py",
        "if plan.suite in CHEAP:\n        said",
        "if False:\n        said",
        ("tests/evaluation/test_fitting.py",),
    ),
    Fault(
        "an L0 change of one value more is verified",
        "verify/remeasure.py",
        '"l0": 0.0}',
        '"l0": 1.0}',
        ("tests/verify",),
    ),
)
