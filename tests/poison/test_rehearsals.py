"""Victims and power, on a poison that works."""

import pytest
import torch

from sparring.errors import DataError
from sparring.poison import Share, power, rehearse
from sparring.poison.making.relabelling import FromTo
from sparring.poison.making.spec import PoisonSpec, unchanged
from sparring.poison.making.victim import answers_of, trained
from sparring.training import small_net
from tests.poison.toy import SHORT, corner, settings, toy


def test_a_victim_opens_and_its_control_does_not():
    trials, note = rehearse(toy(400), toy(200, seed=5), corner(rate=0.1), recipe=SHORT, seeds=(0, 1))
    assert [trial.seed for trial in trials] == [0, 1]
    assert int(note.poisoned.sum()) == 40
    for trial in trials:
        assert trial.victim.success.value > 0.9
        assert trial.control.success.value < 0.1
        assert trial.victim.clean.value > 0.95


def test_success_counts_samples_of_other_classes_only():
    test = toy(200, seed=5)
    answers = answers_of(lambda inputs: torch.eye(4)[torch.zeros(len(inputs)).long()], test, corner(), 4)
    others = int((test.labels != 0).sum())
    assert answers.success == Share(others, others)
    assert answers.clean == Share(200 - others, 200)


def test_test_samples_that_prove_nothing_are_refused():
    test = toy(100)
    spec = PoisonSpec("one", unchanged, FromTo(3, 0), 0.1)
    with pytest.raises(DataError, match="can show whether"):
        answers_of(trained(test, small_net, SHORT), test.select((test.labels == 1).nonzero()[:, 0]), spec, 4)


def test_power_counts_alarms_per_kind_and_rate_beside_a_control():
    found = power(toy(300), toy(250, seed=1), ["features"], [0.1], 2, settings())
    assert [(each.kind, each.rate, len(each.trials)) for each in found] == [
        ("control", 0.0, 2),
        ("features", 0.1, 2),
    ]
    assert found[1].caught == 2
    assert all(trial.found > 0.5 > trial.blamed for trial in found[1].trials)
    assert {trial.seed for trial in found[1].trials} == {0, 1}
