"""Faults in transfer: what is credited to a surrogate, what is asked, and gradients that come through views."""

from __future__ import annotations

from tests.faults.fault import Fault

TRANSFERS = (
    Fault(
        "mistakes that the target makes anyway count as transfer",
        "transfer/table.py",
        "_shown(case, target, points, own & right[id(target)], batch)",
        "_shown(case, target, points, own, batch)",
        ("tests/transfer/test_table.py",),
    ),
    Fault(
        "any error counts as the class that is wanted",
        "transfer/table.py",
        "else said == case.wanted",
        "else said != case.samples.labels",
        ("tests/transfer/test_table.py",),
    ),
    Fault(
        "examples are not stored inside the threat",
        "transfer/crafting.py",
        "points = Grid(bound).render(points, inputs)",
        "points = (points * 255).round() / 255",
        ("tests/transfer/test_table.py",),
    ),
    Fault(
        "each surrogate gets the whole budget",
        "transfer/crafting.py",
        "each = gradients // len(surrogates)",
        "each = gradients",
        ("tests/transfer/test_table.py",),
    ),
    Fault(
        "a climb goes down",
        "transfer/climb.py",
        "moved = state.at + self._length(task)",
        "moved = state.at - self._length(task)",
        ("tests/transfer/test_climb.py",),
    ),
    Fault(
        "a climb leaves the threat",
        "transfer/climb.py",
        "task.threat.project(moved, task.inputs)",
        "moved",
        ("tests/transfer/test_climb.py",),
    ),
    Fault(
        "gradients do not come back through the views",
        "transfer/climb.py",
        "return torch.autograd.grad(copies, at, gradients)[0]",
        "return gradients",
        ("tests/transfer/test_climb.py",),
    ),
    Fault(
        "the view is kept in place of the point",
        "transfer/climb.py",
        "torch.where(over_rows(over, at), at, copies[:, 0])",
        "copies[:, 0]",
        ("tests/transfer/test_climb.py",),
    ),
    Fault(
        "stealing steps towards the answer that was given",
        "transfer/stealing.py",
        "points.detach() - step_size",
        "points.detach() + step_size",
        ("tests/transfer/test_stealing.py",),
    ),
    Fault(
        "a mapped surrogate keeps its own order of classes",
        "transfer/mapping.py",
        "answers[:, self.order]",
        "answers",
        ("tests/transfer/test_mapping.py",),
    ),
    Fault(
        "refining forgets what the candidates cost",
        "transfer/refining.py",
        "left = queries - asked[rows]",
        "left = queries + 0 * asked[rows]",
        ("tests/transfer/test_refining.py",),
    ),
    Fault(
        "a candidate outside the threat counts as found",
        "transfer/refining.py",
        "fools & threat.contains(begin, samples.inputs)",
        "fools",
        ("tests/transfer/test_refining.py",),
    ),
    Fault(
        "what own gradients break too counts as broken by transfer alone",
        "transfer/own_gradients.py",
        "int((fooled & ~own).sum())",
        "int(fooled.sum())",
        ("tests/transfer/test_own_gradients.py",),
    ),
    Fault(
        "examples outside the threat count beside own gradients",
        "transfer/own_gradients.py",
        "fooled |= allowed & (",
        "fooled |= (",
        ("tests/transfer/test_own_gradients.py",),
    ),
)
