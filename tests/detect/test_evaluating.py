"""Who knows a detector gets past it; what is counted was measured again."""

import pytest
import torch

from sparring.detect import View, evaluate
from sparring.detect.attackers import Ring, way_up
from sparring.detect.evading import Evades, guarded
from sparring.detect.evaluating import AtRate, Evaluation
from sparring.detect.told import findings_of
from sparring.errors import ModelError
from sparring.models import load_model, look
from sparring.threat import Linf, parse_threat


@pytest.fixture(scope="module")
def seen(room):
    return evaluate(room.view, room.detector, room.others, Linf(0.3), rates=(0.05, 0.1), steps=20)


def test_the_goal_wants_a_wrong_class_that_is_not_flagged():
    goal = Evades(torch.tensor([0, 0, 0, 0]), threshold=1.0)
    outputs = torch.tensor([[3.0, 1.0, 0.5], [1.0, 3.0, 1.5], [1.0, 3.0, 1.0], [1.0, torch.nan, 0.0]])[
        :, None
    ]
    assert goal.reached(outputs).flatten().tolist() == [False, False, True, False]
    assert goal.margin(outputs).flatten()[:3].tolist() == [-2.0, -0.5, 0.0]
    assert goal.scores(outputs).shape == (4, 1, 2)


def test_rates_come_from_the_largest_and_counts_fit(seen):
    assert [line.rate for line in seen.rates] == [0.1, 0.05]
    for line in seen.rates:
        assert 0 <= line.evaded <= line.accepted <= seen.clean_correct
        assert line.caught <= seen.broken
        assert line.robust <= line.unaware_robust
        assert line.false_alarms + line.accepted <= seen.samples
    assert seen.rates[0].threshold <= seen.rates[1].threshold


def test_the_detector_catches_who_does_not_know_it_and_not_who_does(seen):
    line = seen.rates[0]
    assert seen.auroc_unaware > 0.9
    assert line.caught > 0.5 * seen.broken
    assert line.robust < 0.5 * line.unaware_robust


def test_evasions_hold_when_they_are_asked_again(room):
    samples, bound = room.others, room.detector.threshold(0.1)
    threat = Linf(0.3)
    ring = Ring(room.view, room.detector, samples, threat.bind(samples.inputs, samples.domain), 20, 0)
    correct = room.model(samples.inputs).argmax(1) == samples.labels
    start = ring.unaware(correct)
    found = ring.aware(correct, bound, start.points)
    outputs = guarded(room.view, room.detector)(found.points[found.hit])
    assert (outputs[:, :-1].argmax(1) != samples.labels[found.hit]).all()
    assert (outputs[:, -1] <= bound).all()
    assert (found.points - samples.inputs).abs().max() <= 0.3 + 1e-6
    assert found.hit.sum() > 10


@pytest.mark.parametrize("threat", ["l2:1.5", "l1:8"])
def test_other_norms_go_through(room, threat):
    few = room.others.limit(12)
    seen = evaluate(room.view, room.detector, few, parse_threat(threat), rates=(0.1,), steps=8)
    assert seen.forwards > 0


def test_a_claim_above_what_the_model_keeps_at_half_the_size_is_implausible():
    line = AtRate(0.05, 1.0, 5, 90, 80, evaded=0, unaware_robust=90)
    seen = Evaluation(100, 95, broken=90, half_robust=20, auroc_unaware=1.0, auroc_aware=1.0, rates=(line,),
                      forwards=1, backwards=1)  # fmt: skip
    assert not seen.plausible(90)
    assert seen.plausible(20)
    assert {each["id"] for each in findings_of(seen, ["energy"])} == {"implausible-unaware", "implausible"}
    beaten = AtRate(0.05, 1.0, 5, 90, 80, evaded=88, unaware_robust=20)
    seen = Evaluation(100, 95, 90, 20, 1.0, 0.5, (beaten,), 1, 1)
    assert [each["id"] for each in findings_of(seen, ["energy"])] == ["adds-nothing"]


def test_a_model_whose_gradients_are_stopped_is_climbed_around_that(room):
    rounded = load_model(lambda inputs: room.model((inputs.detach() * 15).round() / 15))
    looked = look(rounded, room.others.inputs, room.others.labels)
    view, few = View(looked), room.others.limit(20)
    blind = evaluate(view, room.detector, few, Linf(0.3), rates=(0.1,), steps=15)
    seen = evaluate(view, room.detector, few, Linf(0.3), rates=(0.1,), steps=15, stand_in=way_up(looked))
    assert blind.broken < seen.broken
    assert blind.rates[0].evaded < seen.rates[0].evaded
    assert way_up(look(load_model(room.model), few.inputs, few.labels)) is None


def test_a_model_that_gives_no_gradients_at_all_is_refused(room):
    blind = load_model(room.model).having(gradients=False, stops=None)
    with pytest.raises(ModelError, match="gives no gradients"):
        way_up(blind)


def test_other_classes_are_aimed_at_from_the_nearest(room):
    few = room.others.limit(8)
    ring = Ring(room.view, room.detector, few, Linf(0.3).bind(few.inputs, few.domain), 5, 0)
    nearest, logits = ring._nearest(), room.model(few.inputs)
    assert nearest.shape == (8, 3)
    assert (nearest != few.labels[:, None]).all()
    assert (logits.gather(1, nearest).diff(dim=1) <= 0).all()
    assert [stage.place for stage in ring._stages(3)] == [None, None, 0, 1, 2, None]


def test_the_lead_is_that_of_the_class_aimed_at():
    goal, outputs = Evades(torch.tensor([0, 0]), 1.0), torch.tensor([[[1.0, 4.0, 3.0, 0.5]]]).expand(2, 1, 4)
    assert goal.lead(outputs).flatten().tolist() == [3.0, 3.0]
    assert goal.lead(outputs, torch.tensor([2, 1])).flatten().tolist() == [2.0, 3.0]
