"""The table: who counts, what is asked, and what survives as a file."""

import pytest
import torch
from torch import nn

from sparring.errors import DataError, ModelError, UsageError
from sparring.models import load_model
from sparring.threat import L2, Linf
from sparring.transfer import METHODS, craft, ranked, transfer_table
from tests.transfer.nets import linear, samples

LARGE = (Linf(24 / 255),)
TARGET, SURROGATE = linear(0), linear(1)
SAMPLES = samples(TARGET)


def _lines(*groups, target=TARGET, data=SAMPLES, threats=LARGE, methods=("mi",), gradients=10):
    return list(transfer_table(groups, [target], data, threats, methods, gradients))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_transfers_between_nets_that_are_alike(method):
    memory, png, *_ = _lines([SURROGATE], methods=(method,), gradients=20)
    assert memory.fooled / memory.eligible > 0.7
    assert (png.fooled, png.left) == (memory.fooled, 0)
    assert memory.gradients == 20


@pytest.mark.parametrize("gradients", [10, 23, 200])
def test_no_method_spends_more_than_it_may(gradients):
    few = SAMPLES.limit(3)
    for method in METHODS:
        made = craft([SURROGATE], few, Linf(8 / 255), method, gradients)
        assert gradients - 10 < made.gradients <= gradients
    assert craft([SURROGATE, TARGET], few, Linf(8 / 255), "mi", gradients).gradients <= gradients


def test_only_what_both_got_right_counts():
    half = linear(2, flip=[0, 1, 3, 2])  # wrong on two of the four classes
    right = (half(SAMPLES.inputs).argmax(1) == SAMPLES.labels) & (
        TARGET(SAMPLES.inputs).argmax(1) == SAMPLES.labels
    )
    (line, *_) = _lines([half])
    assert line.eligible == int(right.sum()) < len(SAMPLES)


def test_what_the_target_gets_wrong_anyway_does_not_count():
    half = linear(2, flip=[0, 1, 3, 2])
    right = (half(SAMPLES.inputs).argmax(1) == SAMPLES.labels) & (
        SURROGATE(SAMPLES.inputs).argmax(1) == SAMPLES.labels
    )
    (line, *_) = _lines([SURROGATE], target=half)
    assert line.fooled <= line.eligible == int(right.sum()) < len(SAMPLES)


def test_the_target_is_not_asked_while_examples_are_made():
    asked = []

    class Counted(nn.Module):
        def forward(self, inputs):
            asked.append(len(inputs))
            return TARGET(inputs)

    target = load_model(Counted())
    asked.clear()
    lines = _lines([SURROGATE], target=target)
    assert sum(asked) <= (len(SAMPLES) + 8) + len(lines) * (lines[0].eligible + 8)  # 8: batches are filled up


def test_the_target_itself_is_marked():
    assert [line.white_box for line in _lines([TARGET], [SURROGATE, TARGET], [SURROGATE])[::4]] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("threat", [Linf(5.5 / 255), L2(0.5)])
def test_files_stay_inside_the_threat(threat):
    made = craft([SURROGATE], SAMPLES, threat, "bsr", 20)
    levels = made.points * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert bool(threat.bind(SAMPLES.inputs, SAMPLES.domain).contains(made.points, SAMPLES.inputs).all())


def test_targeted_examples_come_out_as_the_class():
    wanted = (SAMPLES.labels + 1) % 4
    made = craft([SURROGATE], SAMPLES, Linf(60 / 255), "mi", 30, targets=wanted)
    assert float((SURROGATE(made.points).argmax(1) == wanted).float().mean()) > 0.9


def test_with_a_wanted_class_only_that_class_is_a_success_and_its_own_samples_do_not_count():
    wanted = torch.full_like(SAMPLES.labels, 2)
    kept = []
    (line, *_) = transfer_table(
        [[SURROGATE]],
        [TARGET],
        SAMPLES,
        LARGE,
        ["mi"],
        10,
        wanted=wanted,
        media=("memory",),
        keep=kept.append,
    )
    right = SURROGATE(SAMPLES.inputs).argmax(1) == SAMPLES.labels
    assert line.eligible == int((right & (SAMPLES.labels != 2)).sum())
    assert 0 < line.fooled == int((kept[0].said == 2).sum()) < int((kept[0].said != SAMPLES.labels).sum())


@pytest.mark.parametrize("wanted", [SAMPLES.labels, torch.full_like(SAMPLES.labels, 4)])
def test_a_class_that_is_no_other_is_refused(wanted):
    with pytest.raises(
        (DataError, UsageError), match=r"is wanted already|class 4 is wanted, but the models tell 4"
    ):
        list(transfer_table([[SURROGATE]], [TARGET], SAMPLES, LARGE, ["mi"], 10, wanted=wanted))


def test_other_classes_are_refused():
    with pytest.raises(ModelError, match="tell the same classes apart"):
        _lines([linear(1, classes=6)])


def test_nobody_right_is_refused():
    with pytest.raises(DataError, match="no sample is classified correctly by both"):
        _lines([linear(0, flip=[1, 2, 3, 0])])


def test_a_surrogate_without_gradients_is_refused():
    blind = load_model(lambda inputs: TARGET(inputs).detach())
    with pytest.raises(ModelError, match="gives no gradients"):
        craft([blind.having(gradients=False)], SAMPLES, Linf(0.1), "mi", 10)


def test_too_few_gradients_and_unknown_methods_are_refused():
    with pytest.raises(UsageError, match="at least 2"):
        craft([SURROGATE, TARGET], SAMPLES, Linf(0.1), "mi", 1)
    with pytest.raises(UsageError, match="unknown transfer method 'mj'"):
        craft([SURROGATE], SAMPLES, Linf(0.1), "mj", 10)


def test_the_surrogate_that_is_most_alike_comes_first():
    strange = linear(3, flip=[0, 2, 1, 3]).having(name="strange")
    lines = ranked([strange, SURROGATE], TARGET, SAMPLES, Linf(8 / 255))
    assert [line.surrogate for line in lines] == [SURROGATE.name, "strange"]
    assert lines[0].fooled > lines[1].fooled
