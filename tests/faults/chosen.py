"""Faults chosen by hand: the ones that attack libraries are known for, and the ones this design invites."""

from __future__ import annotations

from tests.faults.defences import DEFENCES
from tests.faults.draws import DRAWS
from tests.faults.engagements import ENGAGEMENTS
from tests.faults.fault import Fault
from tests.faults.poisoning import POISONING
from tests.faults.queries import QUERIES
from tests.faults.training import TRAINING
from tests.faults.transfers import TRANSFERS
from tests.faults.verdicts import VERDICTS

CONFORMANCE = "tests/attacks/test_conformance.py::test_law"
KNOWN = "tests/engine/test_known.py"
COSTS = "tests/engine/test_costs.py"
FINDINGS = "tests/engine/test_findings.py"
BATCHES = "tests/engine/test_batches.py"
VIEWS = "tests/engine/test_views.py"
PROJECT = "tests/threat/test_project.py"
AUDIT = "tests/evaluation/test_auditing.py"

SIGNS = (
    Fault(
        "cross-entropy falls instead of rising",
        "attacks/parts/losses.py",
        "else -_log_odds(scores, task.goal.labels)",
        "else _log_odds(scores, task.goal.labels)",
        (f"{CONFORMANCE}[pgd-linf", KNOWN),
    ),
    Fault(
        "DLR falls instead of rising",
        "attacks/parts/losses.py",
        "return (other - own) / _spread",
        "return (own - other) / _spread",
        (f"{CONFORMANCE}[apgd-dlr", KNOWN),
    ),
    Fault(
        "a margin with an aim points away from it",
        "attacks/parts/losses.py",
        "return _of(scores, task.aim) - _of(scores, labels)",
        "return _of(scores, labels) - _of(scores, task.aim)",
        ("tests/attacks/parts/test_losses.py",),
    ),
    Fault(
        "the steepest Linf direction goes down",
        "threat/linf.py",
        "return allowed(gradient, self.mask).sign()",
        "return -allowed(gradient, self.mask).sign()",
        ("tests/threat/test_steepest.py", f"{CONFORMANCE}[pgd-linf"),
    ),
    Fault(
        "the steepest L2 direction goes down",
        "threat/l2.py",
        "return unit(allowed(gradient, self.mask))",
        "return -unit(allowed(gradient, self.mask))",
        ("tests/threat/test_steepest.py", f"{CONFORMANCE}[pgd-l2"),
    ),
    Fault(
        "the margin has the wrong sign",
        "threat/goals.py",
        "return -_lead(outputs, self.labels)",
        "return _lead(outputs, self.labels)",
        ("tests/threat/test_goals.py",),
    ),
)

SETS = (
    Fault(
        "PGD does not project",
        "attacks/pgd.py",
        "gradient_at(task.threat.project(moved, task.inputs))",
        "gradient_at(moved)",
        (f"{CONFORMANCE}[pgd",),
    ),
    Fault(
        "Linf points are not clipped to the box",
        "threat/linf.py",
        "kept(self.box.clip_(near), inputs, self.mask)",
        "kept(near, inputs, self.mask)",
        (PROJECT,),
    ),
    Fault(
        "the mask is forgotten",
        "threat/linf.py",
        "return kept(self.box.clip_(near), inputs, self.mask)",
        "return self.box.clip_(near)",
        (PROJECT,),
    ),
    Fault(
        "eps is doubled",
        "threat/linf.py",
        "eps = per_row(self.eps, inputs)",
        "eps = 2 * per_row(self.eps, inputs)",
        (PROJECT,),
    ),
    Fault(
        "eps is taken for grey levels",
        "threat/linf.py",
        'eps=rows_of(self.eps, inputs, "eps")',
        'eps=rows_of(self.eps / 255, inputs, "eps")',
        ("tests/threat/test_bind.py", KNOWN),
    ),
    Fault(
        "eps is written in grey levels",
        "threat/parse.py",
        "return Linf(_size(size, text))",
        "return Linf(255 * _size(size, text))",
        ("tests/threat/test_parse.py",),
    ),
    Fault(
        "the projection is one ulp out",
        "threat/linf.py",
        "inputs + eps)",
        "inputs + eps * (1 + 1e-6))",
        (PROJECT,),
    ),
    Fault(
        "the L2 projection compares a length with the square of eps",
        "threat/l2.py",
        "flat(change).norm(dim=1).square())",
        "flat(change).norm(dim=1))",
        (PROJECT,),
    ),
    Fault(
        "projections stop after two rounds",
        "threat/balance.py",
        "_ROUNDS = 64",
        "_ROUNDS = 2",
        (PROJECT, "tests/attacks/parts/test_hyperplane.py"),
    ),
    Fault(
        "secants leave the range in which the balance lies",
        "threat/balance.py",
        "torch.where((low < guess) & (guess < high), guess, middle)",
        "guess",
        (PROJECT, "tests/attacks/parts/test_hyperplane.py", "tests/attacks/test_smallest.py"),
    ),
    Fault(
        "FAB's way to the boundary goes up",
        "attacks/parts/hyperplane.py",
        "downhill = -over_rows",
        "downhill = over_rows",
        ("tests/attacks/parts/test_hyperplane.py", f"{CONFORMANCE}[fab", KNOWN),
    ),
    Fault(
        "L0 may change one coordinate too many",
        "threat/l0.py",
        "most = vector(self.eps, like).floor()",
        "most = 1 + vector(self.eps, like).floor()",
        (PROJECT,),
    ),
    Fault(
        "8-bit rounding leaves the ball",
        "threat/grid.py",
        "return nearest if bool(fits.all()) else pick(fits, nearest, self._inward(nearest, inputs))",
        "return nearest",
        ("tests/threat/test_grid.py", AUDIT),
    ),
)

SUCCESSES = (
    Fault(
        "the last step is not evaluated",
        "engine/loop.py",
        "(flight.books.asks > attack.steps)",
        "(flight.books.asks >= attack.steps)",
        (COSTS, f"{CONFORMANCE}[fgsm"),
    ),
    Fault(
        "only the last look can succeed",
        "engine/books.py",
        "news = seen.reached.any(1)",
        "news = seen.reached.any(1) & (books.asks == length)",
        (FINDINGS, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "a later success overwrites the first",
        "engine/books.py",
        '(~books.success | (keep == "closest"))',
        "True",
        (FINDINGS,),
    ),
    Fault(
        "the last success is taken for the closest",
        "engine/books.py",
        "closer = news & (distance < books.distance)",
        "closer = news & (distance < torch.inf)",
        (FINDINGS, KNOWN),
    ),
    Fault(
        "successes outside the threat count",
        "engine/ask.py",
        "torch.where(threat.contains(shown, inputs, far), far, torch.inf)",
        "far",
        (FINDINGS, VIEWS, f"{CONFORMANCE}[fab"),
    ),
    Fault(
        "the aim decides about success",
        "engine/ask.py",
        "hits = task.goal.reached(outputs)",
        "hits = task.goal.reached(outputs) if task.aim is None else outputs.argmax(-1) == task.aim[:, None]",
        (f"{CONFORMANCE}[pgd",),
    ),
    Fault(
        "any error is a success of a targeted attack",
        "threat/goals.py",
        "outputs.argmax(-1) == self.targets[:, None]",
        "outputs.argmax(-1) != self.labels[:, None]",
        ("tests/threat/test_goals.py",),
    ),
    Fault(
        "an answer that is not a number is a success",
        "threat/goals.py",
        "(outputs.argmax(-1) != self.labels[:, None]) & _numbers(outputs)",
        "(outputs.argmax(-1) != self.labels[:, None])",
        ("tests/threat/test_goals.py", KNOWN),
    ),
    Fault(
        "the stand-in judges itself",
        "engine/loop.py",
        "decides = panel.judge or panel.exact",
        "decides = panel.exact",
        (VIEWS, COSTS),
    ),
    Fault(
        "a success in low precision is believed",
        "engine/loop.py",
        "exact or (None if precision is torch.float32 else model)",
        "exact",
        (VIEWS, COSTS, AUDIT),
    ),
    Fault(
        "settled rows go on",
        "engine/loop.py",
        '(flight.books.success & (retire == "first"))',
        '(flight.books.success & (retire == "soon"))',
        (COSTS, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "a row is lost between queue and flight",
        "engine/loop.py",
        "index, queue = queue[:room], queue[room:]",
        "index, queue = queue[:room], queue[room + 1 :]",
        (BATCHES, f"{CONFORMANCE}[pgd"),
    ),
)

COSTS_ = (
    Fault(
        "the last look that the budget allows is not made",
        "engine/books.py",
        "price * ask.asked().cumsum(1) <= most[:, None]",
        "price * ask.asked().cumsum(1) < most[:, None]",
        (COSTS, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "the budget is overrun by one",
        "engine/books.py",
        "price * ask.asked().cumsum(1) <= most[:, None]",
        "price * ask.asked().cumsum(1) <= most[:, None] + 1",
        (COSTS, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "rows whose budget is spent stay in flight",
        "engine/loop.py",
        "(flight.books.forwards + panel.price > flight.most)",
        "(flight.books.forwards + panel.price > flight.most + 1)",
        (COSTS,),
    ),
    Fault(
        "pads are charged",
        "engine/books.py",
        "forwards=books.forwards + points",
        "forwards=books.forwards + points + (-len(climb) % 8 > 0)",
        (COSTS, f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "points that were not asked are charged",
        "engine/books.py",
        "points = ask.points.shape[1] if ask.valid is None else ask.valid.sum(1)",
        "points = ask.points.shape[1]",
        (COSTS,),
    ),
    Fault(
        "gradients are charged where none was asked for",
        "engine/books.py",
        "points * climb, alpha=losses",
        "points, alpha=losses",
        (COSTS, f"{CONFORMANCE}[fab"),
    ),
    Fault(
        "one gradient too many is made and charged",
        "engine/loop.py",
        "climb = (wants(state.ask) == Want.GRADIENTS) & (flight.books.asks < attack.steps)",
        "climb = wants(state.ask) == Want.GRADIENTS",
        (COSTS,),
    ),
    Fault(
        "gradients are counted as queries",
        "engine/books.py",
        "queries=books.queries + points * ~climb",
        "queries=books.queries + points",
        (COSTS,),
    ),
    Fault(
        "an attempt's price replaces what was paid before",
        "evaluation/ledger.py",
        "forwards=old.forwards + found.forwards",
        "forwards=found.forwards",
        ("tests/evaluation/",),
    ),
)

ATTACKS = (
    Fault(
        "APGD's first step has momentum",
        "attacks/apgd.py",
        "torch.where(state.moves > 0, 0.75, 1.0)",
        "torch.where(state.moves >= 0, 0.75, 1.0)",
        ("tests/attacks/test_apgd.py", f"{CONFORMANCE}[apgd"),
    ),
    Fault(
        "APGD does not return to its best point",
        "attacks/apgd.py",
        "pick(halve, state.best_point, state.point)",
        "state.point",
        ("tests/attacks/test_apgd.py", f"{CONFORMANCE}[apgd"),
    ),
    Fault(
        "APGD's periods do not shrink",
        "attacks/apgd.py",
        "shorter = state.period - max(int(0.03 * self.steps), 1)",
        "shorter = state.period",
        ("tests/attacks/test_apgd.py", f"{CONFORMANCE}[apgd"),
    ),
    Fault(
        "APGD never shortens its step",
        "attacks/apgd.py",
        "torch.where(halve, state.length / 2, state.length)",
        "state.length",
        ("tests/attacks/test_apgd.py", f"{CONFORMANCE}[apgd"),
    ),
    Fault(
        "FAB stops short of the boundary",
        "attacks/fab.py",
        "overshoot: float = 1.05",
        "overshoot: float = 0.95",
        (KNOWN, f"{CONFORMANCE}[fab"),
    ),
    Fault(
        "FAB never steps back inside",
        "attacks/fab.py",
        "stay = pick(crossed, torch.lerp(task.inputs, state.point, self.backward), state.point)",
        "stay = state.point",
        ("tests/attacks/test_fab.py", KNOWN, f"{CONFORMANCE}[fab"),
    ),
    Fault(
        "Square's signs are shared by all rows",
        "attacks/square.py",
        "(numbers[:, 2:, None, None] >= 0.5)",
        "(numbers[:1, 2:, None, None] >= 0.5)",
        (f"{CONFORMANCE}[square-linf",),
    ),
    Fault(
        "Square skips windows that would change something",
        "attacks/square.py",
        "gather(1, where[:, 0])).all(1)",
        "gather(1, where[:, 0])).any(1)",
        ("tests/attacks/test_square.py",),
    ),
    Fault(
        "gradients of thin convolutions have the wrong sign",
        "execution/thin_convolutions.py",
        "columns = weight.flatten(1).T",
        "columns = -weight.flatten(1).T",
        ("tests/execution",),
    ),
    Fault(
        "Square keeps what is worse",
        "attacks/square.py",
        "better = seen.loss > state.best",
        "better = seen.loss < state.best",
        (f"{CONFORMANCE}[square-linf",),
    ),
)

CHOSEN = (
    *SIGNS,
    *SETS,
    *SUCCESSES,
    *COSTS_,
    *ATTACKS,
    *DRAWS,
    *VERDICTS,
    *ENGAGEMENTS,
    *DEFENCES,
    *TRAINING,
    *QUERIES,
    *TRANSFERS,
    *POISONING,
)
