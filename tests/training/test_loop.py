import errno
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

import sparring
from sparring.data.kept import Kept
from sparring.errors import DataError, Interrupted, ModelError, OtherRunError, UsageError
from sparring.storage import files
from sparring.training import SGD, Measured, Recipe, Setup, constant, fit, plain, small_net

SHORT = Recipe(epochs=3, minibatch=16, optimiser=SGD(0.05))


def samples_of(count=80):
    """Points, labelled by which coordinate is larger."""
    inputs = torch.rand(count, 2, generator=torch.Generator().manual_seed(1))
    return sparring.load_data((inputs, (inputs[:, 0] > inputs[:, 1]).long()))


def noisy_model():
    """With minibatch-norm and dropout, so that buffers and torch's own randomness matter."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))


def clones(state):
    return {name: value.clone() for name, value in state.items()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_a_net_learns_and_the_given_one_is_left_alone():
    samples = samples_of()
    model = noisy_model().train()
    before = clones(model.state_dict())
    fitted = fit(model, samples, replace(SHORT, epochs=10), validation=samples)
    assert fitted.curve[-1].clean > 0.9 > fitted.curve[0].clean
    assert equal(before, clones(model.state_dict())) and model.training and not fitted.model.training
    assert len(fitted.curve) == 11 and fitted.losses.shape == (10, 80) and fitted.losses.isfinite().all()
    assert fitted.curve[3].loss == pytest.approx(float(fitted.losses[2].mean()))


def test_the_same_call_gives_the_same_bits_and_leaves_the_callers_randomness():
    samples = samples_of()
    state = torch.get_rng_state()
    first = fit(noisy_model(), samples, SHORT)
    torch.manual_seed(99)
    second = fit(noisy_model(), samples, SHORT)
    assert equal(first.model.state_dict(), second.model.state_dict()) and torch.equal(
        first.losses, second.losses
    )
    other = fit(noisy_model(), samples, SHORT, seed=1)
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
    whole = fit(noisy_model(), samples, recipe, validation=samples)
    stopped = replace(recipe, objective=stopping(number, stop))
    with pytest.raises(raised):
        fit(noisy_model(), samples, stopped, validation=samples, checkpoint=path, every=0)
    asked = []
    counting = replace(recipe, objective=lambda model, minibatch: asked.append(1) or plain(model, minibatch))
    resumed = fit(noisy_model(), samples, counting, validation=samples, checkpoint=path)
    assert len(asked) == 15 - number + (stop is kill)
    assert equal(whole.model.state_dict(), resumed.model.state_dict())
    assert torch.equal(whole.losses, resumed.losses)
    assert [each.clean for each in whole.curve] == [each.clean for each in resumed.curve]


def test_who_has_switched_gradients_off_can_train_too():
    samples = samples_of()
    with torch.no_grad():
        fitted = fit(noisy_model(), samples, SHORT)
    assert equal(fitted.model.state_dict(), fit(noisy_model(), samples, SHORT).model.state_dict())


def test_checkpoints_of_another_training_are_refused(tmp_path):
    samples, path = samples_of(), tmp_path / "checkpoint.pt"
    fit(noisy_model(), samples, SHORT, checkpoint=path)
    for other in (
        {"model": small_net(samples)},
        {"samples": samples_of(96)},
        {"recipe": replace(SHORT, objective=lambda model, minibatch: plain(model, minibatch))},
        {"recipe": replace(SHORT, optimiser=SGD(0.06))},
        {"seed": 1},
        {"validation": samples},
    ):
        given = {"model": noisy_model(), "samples": samples, "recipe": SHORT, "checkpoint": path} | other
        with pytest.raises(OtherRunError, match="another model, or with other samples, settings or seed"):
            fit(**given)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        fit(noisy_model(), samples, SHORT, checkpoint=path)


def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    samples, path = samples_of(), tmp_path / "checkpoint.pt"
    fit(noisy_model(), samples, SHORT, checkpoint=path)
    before = path.read_bytes()

    def full(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_flush", full)
    with pytest.raises(DataError, match="cannot be written: No space left"):
        fit(noisy_model(), samples, SHORT, checkpoint=path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["checkpoint.pt"]


def test_the_best_epoch_is_kept_by_robust_accuracy():
    samples, said = samples_of(), iter([0.1, 0.2, 0.6, 0.4])
    kept = []

    def measure(model, held_out):
        kept.append(clones(model.state_dict()))
        return Measured(clean=1.0, robust=next(said))

    fitted = fit(noisy_model(), samples, replace(SHORT, measure=measure), validation=samples)
    assert fitted.best == 2 and equal(fitted.model.state_dict(), kept[2]) and not equal(kept[2], kept[3])


def test_without_held_out_samples_the_last_epoch_is_kept():
    fitted = fit(noisy_model(), samples_of(), SHORT)
    assert fitted.best == 3 and fitted.curve[3].clean is None


@pytest.mark.parametrize("value", [float("nan"), 1e9])
def test_a_loss_without_end_stops_the_training_and_the_best_is_kept(value):
    samples, calls = samples_of(), []

    def objective(model, minibatch):
        calls.append(1)
        return plain(model, minibatch) * (value if len(calls) == 7 else 1)

    fitted = fit(noisy_model(), samples, replace(SHORT, objective=objective), validation=samples)
    assert len(calls) == 7 and "in epoch 2" in fitted.reason and "lower the learning rate" in fitted.reason
    assert len(fitted.curve) == 2
    assert all(each.isfinite().all() for each in fitted.model.state_dict().values())


def test_a_small_loss_that_grows_is_no_reason_to_end():
    calls = []

    def objective(model, minibatch):
        calls.append(1)
        return plain(model, minibatch) * (1e-6 if len(calls) == 1 else 1)

    assert fit(noisy_model(), samples_of(), replace(SHORT, objective=objective)).reason is None


def test_a_net_that_diverges_at_once_comes_back_as_it_was():
    model = noisy_model()
    fitted = fit(
        model,
        samples_of(),
        replace(SHORT, objective=lambda model, minibatch: plain(model, minibatch) * torch.nan),
    )
    assert equal(model.state_dict(), fitted.model.state_dict()) and fitted.best == 0


def test_frozen_parameters_stay_and_a_net_that_is_all_frozen_thaws():
    model = noisy_model()
    model[0].requires_grad_(False)
    fitted = fit(model, samples_of(), SHORT)
    assert torch.equal(fitted.model[0].weight, model[0].weight) and not torch.equal(
        fitted.model[4].weight, model[4].weight
    )
    thawed = fit(model.requires_grad_(False), samples_of(), SHORT)
    assert not torch.equal(thawed.model[0].weight, model[0].weight)


def test_the_average_follows_the_net():
    samples = samples_of()
    last = fit(noisy_model(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant))
    averaged = fit(
        noisy_model(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant, averaging=1e-9)
    )
    assert torch.allclose(last.model[0].weight, averaged.model[0].weight)
    slow = fit(noisy_model(), samples, replace(SHORT, optimiser=SGD(0.05), schedule=constant, averaging=0.9))
    start, far, near = noisy_model()[0].weight, last.model[0].weight, slow.model[0].weight
    assert 0 < (near - start).norm() < (far - start).norm()


def test_progress_is_told_after_every_update():
    told = []
    fit(noisy_model(), samples_of(), SHORT, progress=told.append)
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
        fit(noisy_model(), samples_of(), replace(SHORT, **change))


def test_samples_that_nothing_can_be_learned_from():
    samples = samples_of()
    broken = samples.inputs.clone()
    broken[7, 0] = torch.nan
    for change, words in (
        ({"kept": Kept.whole(broken)}, "NaN"),
        ({"labels": torch.zeros_like(samples.labels)}, "one class"),
        ({"labels": samples.labels + 1}, "go from 1 to 2, but the model tells 2 classes apart"),
    ):
        with pytest.raises(DataError, match=words):
            fit(noisy_model(), replace(samples, **change), SHORT)
    with pytest.raises(ModelError, match="no parameters"):
        fit(nn.Flatten(), samples, SHORT)
    with pytest.raises(ModelError, match="logits"):
        fit(nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)), samples, SHORT)


def test_each_epoch_shows_each_sample_once_in_an_order_of_its_own():
    seen = []

    def objective(model, minibatch):
        seen.append(minibatch.inputs[:, 0])
        return plain(model, minibatch)

    samples = samples_of()
    fit(noisy_model(), samples, replace(SHORT, objective=objective))
    epochs = [torch.cat(seen[5 * epoch : 5 * epoch + 5]) for epoch in range(3)]
    assert all(torch.equal(each.sort().values, samples.inputs[:, 0].sort().values) for each in epochs)
    assert not torch.equal(epochs[0], epochs[1]) and not torch.equal(epochs[1], epochs[2])


def test_extra_samples_are_mixed_in_and_each_own_sample_still_has_its_turn():
    samples, seen = samples_of(), []
    extra = replace(
        samples_of().having(torch.full((80, 2), 0.5)), ids=tuple(f"more {row}" for row in range(80))
    )

    def objective(model, minibatch):
        seen.append(int((minibatch.inputs == 0.5).all(1).sum()))
        return plain(model, minibatch)

    recipe = replace(SHORT, objective=objective, extra=0.25, epochs=1)
    fitted = fit(noisy_model(), samples, recipe, extra=extra)
    assert seen == [4] * 7 and fitted.losses.isfinite().all()  # 80 in 7 parts, beside 4 of 16
    other = sparring.load_data((torch.rand(20, 3), torch.arange(20) % 2))
    with pytest.raises(DataError, match="extra samples have shape"):
        fit(noisy_model(), samples, SHORT, extra=other)


def measuring(robust):
    """A measure with these robust accuracies, one after the other."""
    said = iter(robust)
    return lambda model, held_out: Measured(clean=1.0, robust=next(said))


def losing(losses):
    """An objective with these losses, five updates each."""
    said = (each for each in losses for _ in range(5))
    return lambda model, minibatch: plain(model, minibatch) * 1e-3 + next(said)


def test_a_collapse_ends_the_training_and_its_cause_is_named():
    recipe = replace(SHORT, epochs=5, measure=measuring([0.0, 0.3, 0.1]), objective=losing([3.0, 2.0]))
    fitted = fit(noisy_model(), samples_of(), recipe, validation=samples_of())
    assert fitted.best == 1 and len(fitted.curve) == 3
    assert "catastrophic overfitting in epoch 2: robust accuracy fell from 30% to 10%" in fitted.reason


@pytest.mark.parametrize(
    ("robust", "losses"),
    [([0.0, 0.3, 0.2], [3.0, 2.0]), ([0.0, 0.3, 0.1], [2.0, 3.0]), ([0.0, 0.04, 0.0], [3.0, 2.0])],
    ids=["little", "loss rises too", "nothing to lose"],
)
def test_what_is_no_collapse(robust, losses):
    recipe = replace(SHORT, epochs=2, measure=measuring(robust), objective=losing(losses))
    assert fit(noisy_model(), samples_of(), recipe, validation=samples_of()).reason is None


def test_the_remedy_takes_over_from_the_best_weights():
    started, kept = [], []

    def remedy(model, minibatch):
        started.append(clones(model.state_dict()))
        return plain(model, minibatch)

    def measure(model, held_out):
        kept.append(clones(model.state_dict()))
        return Measured(1.0, [0.0, 0.3, 0.1, 0.4][len(kept) - 1])

    recipe = replace(SHORT, measure=measure, objective=losing([3.0, 2.0]), remedy=remedy)
    fitted = fit(noisy_model(), samples_of(), recipe, validation=samples_of())
    assert equal(started[0], kept[1]) and len(started) == 5
    assert fitted.remedied == 2 and fitted.reason is None and fitted.best == 3


def test_patience_ends_what_does_not_get_better():
    recipe = replace(SHORT, epochs=9, measure=measuring([0.1, 0.5, 0.4, 0.45]), patience=2)
    fitted = fit(noisy_model(), samples_of(), recipe, validation=samples_of())
    assert fitted.best == 1 and len(fitted.curve) == 4 and fitted.reason is None


def test_parts_add_up_to_the_whole():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    whole, sizes = fit(model, samples_of(), SHORT), []
    counting = replace(
        SHORT, objective=lambda model, part: sizes.append(len(part.labels)) or plain(model, part)
    )
    parts = fit(model, samples_of(), counting, setup=Setup(batch=6))
    assert set(sizes) == {6, 4}
    assert torch.allclose(whole.model[0].weight, parts.model[0].weight, atol=1e-5)
    assert torch.allclose(whole.losses, parts.losses, atol=1e-5)


def test_low_precision_learns_too_and_keeps_weights_in_float32():
    samples = samples_of()
    recipe = replace(SHORT, epochs=10)
    fitted = fit(noisy_model(), samples, recipe, validation=samples, setup=Setup(precision=torch.bfloat16))
    assert fitted.curve[fitted.best].clean > 0.9 and fitted.losses.dtype == torch.float32
    assert all(each.dtype == torch.float32 for each in fitted.model.parameters())
    with pytest.raises(UsageError, match="not in float16"):
        Setup(precision=torch.float16)
    with pytest.raises(UsageError, match="at least 1 sample"):
        Setup(batch=0)


def test_pixel_by_pixel_is_the_same_training():
    inputs = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    samples = sparring.load_data((inputs, torch.arange(40) % 2))
    recipe = replace(SHORT, epochs=1, minibatch=20)
    usual = fit(small_net(samples), samples, recipe)
    other = fit(small_net(samples), samples, recipe, setup=Setup(channels_last=True))
    assert other.model[1].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(usual.losses, other.losses, atol=1e-3)
