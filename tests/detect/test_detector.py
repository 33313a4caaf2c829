"""Fitting, blending, saving, and what a detector refuses."""

import json

import pytest
import torch
from torch import nn

from sparring.data import load_data
from sparring.detect import SCORES, View, fit_detector, load_detector, save_detector
from sparring.detect.attackers import unaware_attacker
from sparring.detect.detector import parts_of
from sparring.detect.explaining import explained
from sparring.errors import DataError, UsageError
from sparring.threat import Linf


def test_features_are_what_the_last_linear_map_is_applied_to(room):
    shown = room.view(room.samples.inputs[:5])
    torch.testing.assert_close(shown.features @ room.model[3].weight.T + room.model[3].bias, shown.logits)
    torch.testing.assert_close(shown.logits, room.model(room.samples.inputs[:5]))


def test_a_model_without_linear_maps_has_its_logits_as_features():
    shown = View(lambda inputs: inputs.flatten(1)[:, :3] * 2)(torch.rand(4, 1, 2, 2))
    assert torch.equal(shown.features, shown.logits)


def test_features_of_an_exported_program_are_the_same(room):
    program = torch.export.export(room.model, (room.samples.inputs[:8],)).module()
    torch.testing.assert_close(
        View(program)(room.samples.inputs[:8]).features, room.view(room.samples.inputs[:8]).features
    )


def test_parts_are_apart_and_all():
    first, middle, last = (range(400)[part] for part in parts_of(400))
    assert (len(first), len(middle), len(last)) == (200, 50, 150)
    assert [*first, *middle, *last] == list(range(400))


def test_what_is_unlike_clean_inputs_scores_higher(room):
    clean = room.detector.of(room.view, room.others.inputs)
    strange = room.detector.of(room.view, torch.rand(60, 1, 8, 8))
    assert strange.median() > clean.quantile(0.95)
    assert (room.detector.p_values(strange) < 0.05).double().mean() > 0.5


def test_few_clean_inputs_are_flagged(room):
    flagged = room.detector.of(room.view, room.others.inputs) > room.detector.threshold(0.1)
    assert flagged.double().mean() < 0.25


def test_scores_do_not_depend_on_the_batch(room):
    inputs = room.others.inputs
    whole = room.detector.of(View(room.model, batch=60), inputs)
    assert torch.equal(whole, room.detector.of(View(room.model, batch=7), inputs))


def test_attacks_give_weight_to_the_score_that_tells_them(room):
    scores = {"energy": SCORES["energy"](), "mahalanobis": SCORES["mahalanobis"]()}
    attacker = unaware_attacker(room.view, Linf(0.2), room.samples.domain)
    found = fit_detector(room.view, room.samples.limit(400), scores, attacker=attacker)
    attacked = attacker(room.others.inputs, room.others.labels)
    above = found.of(room.view, attacked)[:, None] > found.of(room.view, room.others.inputs)
    assert above.double().mean() > 0.9
    assert found.weights is not None


def test_a_detector_comes_back_as_it_was(room, tmp_path):
    save_detector(room.detector, tmp_path / "d")
    again = load_detector(tmp_path / "d")
    inputs = room.others.inputs
    assert torch.equal(again.of(room.view, inputs), room.detector.of(room.view, inputs))
    assert (again.names, again.scores, again.domain.shape) == (
        room.detector.names,
        room.detector.scores,
        room.detector.domain.shape,
    )
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "detector.json",
        "detector.safetensors",
    ]


def test_damaged_files_are_told(room, tmp_path):
    folder = save_detector(room.detector, tmp_path)
    packed, words = folder / "detector.safetensors", folder / "detector.json"
    whole, text = packed.read_bytes(), words.read_text()
    packed.write_bytes(whole[:-4])
    with pytest.raises(DataError, match="damaged"):
        load_detector(folder)
    packed.write_bytes(whole)
    words.write_text(text[:50])
    with pytest.raises(DataError, match="damaged"):
        load_detector(folder)
    told = json.loads(text)
    told["scores"][0]["kind"] = "magic"
    words.write_text(json.dumps(told))
    with pytest.raises(DataError, match="unknown score 'magic'"):
        load_detector(folder)
    told["scores"] = [{}]
    words.write_text(json.dumps(told))
    with pytest.raises(DataError, match="damaged"):
        load_detector(folder)
    words.write_text(json.dumps({"kind": "detector", "schema": 9}))
    with pytest.raises(DataError, match="newer"):
        load_detector(folder)
    with pytest.raises(DataError, match="holds no detector"):
        load_detector(tmp_path / "nowhere")


def test_another_shape_range_or_model_is_refused(room):
    with pytest.raises(DataError, match=r"fitted on inputs of shape \(1, 8, 8\)"):
        room.detector.of(room.view, torch.rand(2, 1, 9, 9))
    with pytest.raises(DataError, match="leave that range"):
        room.detector.of(room.view, 255 * torch.rand(2, 1, 8, 8))
    known = fit_detector(room.view, room.samples, {"energy": SCORES["energy"]()}, digest="a" * 64)
    known.check_model("a" * 64)
    with pytest.raises(UsageError, match="another model"):
        known.check_model("b" * 64)


def test_too_few_samples_or_no_scores_are_refused(room):
    with pytest.raises(DataError, match="at least 32 clean samples"):
        fit_detector(room.view, room.samples.limit(31), {"energy": SCORES["energy"]()})
    with pytest.raises(UsageError, match="at least one score"):
        fit_detector(room.view, room.samples, {})
    many = load_data((torch.rand(40, 4), torch.arange(40) % 20))
    with pytest.raises(DataError, match="two clean samples per class"):
        fit_detector(View(nn.Linear(4, 20)), many, {"mahalanobis": SCORES["mahalanobis"]()})


def test_one_input_is_explained(room):
    bound = room.detector.threshold(0.05)
    one = explained(room.view, room.detector, torch.rand(1, 8, 8), bound, 0.05)
    assert [name for name, _ in one.parts] == ["energy", "mahalanobis"]
    assert one.score == pytest.approx(max(value for _, value in one.parts))
    assert one.flagged == (one.score > bound)
    assert sum(share for _, share in one.classes) <= 1


@pytest.mark.parametrize("name", SCORES)
def test_every_score_is_a_number_per_row_with_a_gradient_and_comes_back_from_a_file(room, name, tmp_path):
    settings = {name: SCORES[name](steps=30) if name == "reconstruction" else SCORES[name]()}
    found = fit_detector(room.view, room.samples.limit(400), settings)
    inputs = room.others.inputs[:9].clone().requires_grad_()
    scores = found.blended(room.view, room.view(inputs))
    assert scores.shape == (9,)
    (slope,) = torch.autograd.grad(scores.sum(), inputs)
    assert slope.isfinite().all()
    assert (slope.flatten(1).abs().sum(1) > 0).double().mean() > 0.5
    alone = torch.stack([found.of(room.view, each[None])[0] for each in room.others.inputs[:9]])
    torch.testing.assert_close(alone, scores.detach(), rtol=1e-4, atol=1e-4)
    again = load_detector(save_detector(found, tmp_path))
    assert torch.equal(again.of(room.view, inputs.detach()), found.of(room.view, inputs.detach()))
    flagged = found.of(room.view, room.others.inputs) > found.threshold(0.1)
    assert flagged.double().mean() < 0.3


@pytest.mark.parametrize("name", ["mahalanobis", "knn", "squeezing", "odds", "reconstruction"])
def test_scores_know_attacked_from_clean(room, name):
    settings = {name: SCORES[name](steps=100) if name == "reconstruction" else SCORES[name]()}
    found = fit_detector(room.view, room.samples.limit(400), settings)
    attacked = unaware_attacker(room.view, Linf(0.2), room.samples.domain)(
        room.others.inputs, room.others.labels
    )
    above = found.of(room.view, attacked)[:, None] > found.of(room.view, room.others.inputs)
    assert above.double().mean() > 0.6


def test_the_dimension_is_that_of_the_cloud():
    torch.manual_seed(0)
    score = SCORES["lid"](count=50)
    for size in (2, 8):
        points = torch.rand(2000, size)
        view = View(lambda inputs: inputs)
        fitted = score.fit(view, view(points), torch.zeros(2000, dtype=torch.int64))
        middle = 0.5 + 0.1 * (torch.rand(50, size) - 0.5)
        assert score.score(view, view(middle), fitted).mean() == pytest.approx(size, rel=0.25)
