"""Faults in training: each leaves a loop that runs, and a model that looks trained."""

from __future__ import annotations

from tests.faults.fault import Fault

LOOP = "tests/training/test_loop.py"
OBJECTIVES = "tests/training/test_objectives.py"

TRAINING = (
    Fault(
        "the single noisy step goes downhill",
        "training/robust/single_step.py",
        "moved = state.point + length * task.threat.steepest(seen.gradient, state.point)\n"
        "        return State(gradient_at(task.threat.box.clip(moved)))",
        "moved = state.point - length * task.threat.steepest(seen.gradient, state.point)\n"
        "        return State(gradient_at(task.threat.box.clip(moved)))",
        ("tests/training/test_robustness.py",),
    ),
    Fault(
        "the random step is not projected",
        "training/robust/single_step.py",
        "task.threat.project(moved, task.inputs)",
        "moved",
        (OBJECTIVES,),
    ),
    Fault(
        "the divergence is turned round",
        "training/robust/divergence.py",
        "(sure.exp() * (sure - less))",
        "(less.exp() * (less - sure))",
        (OBJECTIVES,),
    ),
    Fault(
        "MART weighs what is right instead of what is wrong",
        "training/robust/misclassified.py",
        "wrong = 1 - clean",
        "wrong = clean",
        (OBJECTIVES,),
    ),
    Fault(
        "AWP moves weights downhill",
        "training/robust/awp.py",
        "return self.size * weight.norm()",
        "return -self.size * weight.norm()",
        (OBJECTIVES,),
    ),
    Fault(
        "the attack inside sees training mode",
        "training/robust/inner.py",
        "set_mode(model, training=False)",
        "set_mode(model, training=True)",
        (OBJECTIVES,),
    ),
    Fault(
        "eps never grows to its full size",
        "training/robust/inner.py",
        "if done >= warm_up:",
        "if done > 1:",
        (OBJECTIVES,),
    ),
    Fault(
        "every epoch sees the same order",
        "training/course.py",
        'self.seed_of("order", epoch)',
        'self.seed_of("order")',
        (LOOP,),
    ),
    Fault(
        "the optimiser begins anew when a training goes on",
        "training/state.py",
        'state.optimiser.load_state_dict(stored["optimiser"])',
        "pass",
        (LOOP,),
    ),
    Fault(
        "the last epoch is kept instead of the best",
        "training/epochs.py",
        "entry.score > (state.curve[state.best].score or 0.0)",
        "entry.score >= 0.0",
        (LOOP,),
    ),
    Fault(
        "the average keeps what it should let go",
        "training/update.py",
        "averages[name].lerp_(value, 1 - keep)",
        "averages[name].lerp_(value, keep)",
        (LOOP,),
    ),
    Fault(
        "parts of a minibatch weigh as much as the whole",
        "training/update.py",
        "(each.sum() / len(rows)).backward()",
        "each.mean().backward()",
        (LOOP,),
    ),
    Fault(
        "samples that chose the epoch are audited",
        "hardening/parts.py",
        "return Parts(learned, chosen, replace(later, ordered=False))",
        "return Parts(learned, chosen, replace(chosen, ordered=False))",
        ("tests/hardening/test_parts.py",),
    ),
)
