import errno
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

import sparring
from sparring.errors import DataError, Interrupted, ModelError, OtherRunError, UsageError
from sparring.storage import files
from sparring.training import SGD, Measured, Recipe, constant, fit, plain, small_net

SHORT = Recipe(epochs=3, minibatch=16, optimiser=SGD(0.05))


def samples_of(count=80):
    """Points, labelled by which coordinate is larger."""
    inputs = torch.rand(count, 2, generator=torch.Generator().manual_seed(1))
    return sparring.load_data((inputs, (inputs[:, 0] > inputs[:, 1]).long()))


def noisy_net():
    """With minibatch-norm and dropout, so that buffers and torch's own randomness matter."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def clones(state):
    return {name: value.clone() for name, value in state.items()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_a_net_learns_and_the_given_one_is_left_alone():
    samples = samples_of()
    model = noisy_net().train()
    before = clones(model.state_dict())
    fitted = fit(model, samples, replace(SHORT, epochs=10), validation=samples)
    assert fitted.curve[-1].clean > 0.9 > fitted.curve[0].clean
    assert equal(before, clones(model.state_dict())) and model.training and not fitted.model.training
    assert len(fitted.curve) == 11 and fitted.losses.shape == (10, 80) and fitted.losses.isfinite().all()
    assert fitted.curve[3].loss == pytest.approx(float(fitted.losses[2].mean()))


def test_the_same_call_gives_the_same_bits_and_leaves_the_callers_randomness():
    samples = samples_of()
    state = torch.get_rng_state()
    first = fit(noisy_net(), samples, SHORT)
    torch.manual_seed(99)
    second = fit(noisy_net(), samples, SHORT)
    assert equal(first.model.state_dict(), second.model.state_dict()) and torch.equal(
        first.losses, second.losses
    )
    other = fit(noisy_net(), samples, SHORT, seed=1)
    assert not equal(first.model.state_dict(), other.model.state_dict())
    torch.set_rng_state(state)
    expected = torch.rand(1)
    torch.set_rng_state(state)
    fit(small_net(samples), samples, SHORT)
    assert torch.equal(torch.rand(1), expected)


class Killed(BaseException):
    """Ends everything at once."""


def stopping(number, stop):
    """The plain objective, which does `stop` in its `number`th call."""
    calls = []

    def objective(model, minibatch):
        calls.append(1)
        if len(calls) == number:
            stop()
        return plain(model, minibatch)

    return objective


def kill():
    raise Killed


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def same_course(monkeypatch):
    """The objectives differ, on purpose."""
    monkeypatch.setattr("sparring.training.course.described", lambda thing: "")


@pytest.mark.parametrize(("stop", "raised"), [(kill, Killed), (press_ctrl_c, Interrupted)])
@pytest.mark.parametrize("averaging", [None, 0.9])
@pytest.mark.parametrize("number", [1, 6, 15])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    tmp_path, same_course, number, averaging, stop, raised
):
    samples, path = samples_of(), tmp_path / "checkpoint.pt"
    recipe = replace(SHORT, averaging=averaging)
    whole = fit(noisy_net(), samples, recipe, validation=samples)
    stopped = replace(recipe, objective=stopping(number, stop))
    with pytest.raises(raised):
        fit(noisy_net(), samples, stopped, validation=samples, checkpoint=path, every=0)
    asked = []
    counting = replace(recipe, objective=lambda model, minibatch: asked.append(1) or plain(model, minibatch))
    resumed = fit(noisy_net(), samples, counting, validation=samples, checkpoint=path)
    assert len(asked) == 15 - number + (stop is kill)
    assert equal(whole.model.state_dict(), resumed.model.state_dict())
    assert torch.equal(whole.losses, resumed.losses)
    assert [each.clean for each in whole.curve] == [each.clean for each in resumed.curve]


def test_checkpoints_of_another_training_are_refused(tmp_path):
    samples, path = samples_of(), tmp_path / "checkpoint.pt"
    fit(noisy_net(), samples, SHORT, checkpoint=path)
    for other in (
        {"model": small_net(samples)},
        {"samples": samples_of(96)},
        {"recipe": replace(SHORT, objective=lambda model, minibatch: plain(model, minibatch))},
        {"recipe": replace(SHORT, optimiser=SGD(0.06))},
        {"seed": 1},
        {"validation": samples},
    ):
        given = {"model": noisy_net(), "samples": samples, "recipe": SHORT, "checkpoint": path} | other
        with pytest.raises(OtherRunError, match="another model, or with other samples, settings or seed"):
            fit(**given)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        fit(noisy_net(), samples, SHORT, checkpoint=path)


def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    samples, path = samples_of(), tmp_path / "checkpoint.pt"
    fit(noisy_net(), samples, SHORT, checkpoint=path)
    before = path.read_bytes()

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", full)
    with pytest.raises(DataError, match="cannot be written: No space left"):
        fit(noisy_net(), samples, SHORT, checkpoint=path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["checkpoint.pt"]


def test_the_best_epoch_is_kept_by_robust_accuracy():
    samples, said = samples_of(), iter([0.1, 0.2, 0.6, 0.4])
    kept = []

    def measure(model, held_out):
        kept.append(clones(model.state_dict()))
        return Measured(clean=1.0, robust=next(said))

    fitted = fit(noisy_net(), samples, replace(SHORT, measure=measure), validation=samples)
    assert fitted.best == 2 and equal(fitted.model.state_dict(), kept[2]) and not equal(kept[2], kept[3])


def test_without_held_out_samples_the_last_epoch_is_kept():
    fitted = fit(noisy_net(), samples_of(), SHORT)
    assert fitted.best == 3 and fitted.curve[3].clean is None


@pytest.mark.parametrize("value", [float("nan"), 1e9])
def test_a_loss_without_end_stops_the_training_and_the_best_is_kept(value):
    samples, calls = samples_of(), []

    def objective(model, minibatch):
        calls.append(1)
        return plain(model, minibatch) * (value if len(calls) == 7 else 1)

    fitted = fit(noisy_net(), samples, replace(SHORT, objective=objective), validation=samples)
    assert len(calls) == 7 and "in epoch 2" in fitted.reason and "lower the learning rate" in fitted.reason
    assert len(fitted.curve) == 2
    assert all(each.isfinite().all() for each in fitted.model.state_dict().values())


def test_a_net_that_diverges_at_once_comes_back_as_it_was():
    model = noisy_net()
    fitted = fit(
        model,
        samples_of(),
        replace(SHORT, objective=lambda model, minibatch: plain(model, minibatch) * torch.nan),
    )
    assert equal(model.state_dict(), fitted.model.state_dict()) and fitted.best == 0


def test_frozen_parameters_stay_and_a_net_that_is_all_frozen_thaws():
    model = noisy_net()
    model[0].requires_grad_(False)
    fitted = fit(model, samples_of(), SHORT)
    assert torch.equal(fitted.model[0].weight, model[0].weight) and not torch.equal(
        fitted.model[4].weight, model[4].weight
    )
    thawed = fit(model.requires_grad_(False), samples_of(), SHORT)
    assert not torch.equal(thawed.model[0].weight, model[0].weight)


def test_the_average_follows_the_net():
    samples = samples_of()
    last = fit(noisy_net(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant))
    averaged = fit(
        noisy_net(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant, averaging=1e-9)
    )
    assert torch.allclose(last.model[0].weight, averaged.model[0].weight)
    slow = fit(noisy_net(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant, averaging=0.9))
    start, far, near = noisy_net()[0].weight, last.model[0].weight, slow.model[0].weight
    assert 0 < (near - start).norm() < (far - start).norm()


def test_progress_is_told_after_every_update():
    told = []
    fit(noisy_net(), samples_of(), SHORT, progress=told.append)
    assert [each.step for each in told if each.step][-1] == 15 == told[0].steps
    assert len(told) == 15 + 4 and len(told[-1].curve) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minibatch": 100}, "80 samples to learn from, fewer than the 100"),
        ({"epochs": 0}, "at least 1 epoch"),
        ({"averaging": 1.5}, "between 0 and 1"),
    ],
)
def test_settings_that_make_no_sense(change, words):
    with pytest.raises((DataError, UsageError), match=words):
        fit(noisy_net(), samples_of(), replace(SHORT, **change))


def test_samples_that_nothing_can_be_learned_from():
    samples = samples_of()
    broken = samples.inputs.clone()
    broken[7, 0] = torch.nan
    for change, words in (
        ({"inputs": broken}, "NaN"),
        ({"labels": torch.zeros_like(samples.labels)}, "one class"),
        ({"labels": samples.labels + 1}, "labels go from 1 to 2, but the model tells 2 classes apart"),
    ):
        with pytest.raises(DataError, match=words):
            fit(noisy_net(), replace(samples, **change), SHORT)
    with pytest.raises(ModelError, match="no parameters"):
        fit(nn.Flatten(), samples, SHORT)
    with pytest.raises(ModelError, match="logits"):
        fit(nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)), samples, SHORT)
