"""Each detector puts in front what it is made to see, and looks at no order."""

import pytest
import torch
from torch import nn

from sparring.errors import ModelError
from sparring.poison.detectors import (
    BASELINES,
    DETECTORS,
    activation_clustering,
    label_errors,
    neighbour_labels,
    robust_outliers,
    spectral_signatures,
    strip,
)
from sparring.poison.detectors.neighbours import nearest_rows
from sparring.poison.evidence import Evidence, evidence_of
from tests.poison.toy import toy


def _features():
    """Two classes of 100; 10 of class 0 lie aside along one axis."""
    features = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    features[:10, 2] += 8
    labels = torch.zeros(200, dtype=torch.long)
    labels[100:] = 1
    return Evidence(nn.Identity(), features, labels, features, torch.zeros(200, 2))


@pytest.mark.parametrize("detector", [spectral_signatures, activation_clustering, robust_outliers])
def test_a_group_aside_is_in_front(detector):
    scores = detector(_features())[:100]
    assert set(scores.topk(10).indices.tolist()) == set(range(10))


def test_a_small_group_hidden_by_a_wide_direction_is_seen_after_whitening():
    evidence = _features()
    evidence.features[:, 0] *= 30
    assert set(robust_outliers(evidence)[:100].topk(10).indices.tolist()) == set(range(10))
    assert len(set(spectral_signatures(evidence)[:100].topk(10).indices.tolist()) & set(range(10))) < 5


def test_wrong_labels_have_other_neighbours():
    samples = toy(200)
    labels = samples.labels.clone()
    labels[:5] = (labels[:5] + 1) % 4
    scores = neighbour_labels(
        Evidence(nn.Identity(), samples.inputs, labels, samples.inputs.flatten(1), torch.empty(0))
    )
    assert set(scores.topk(5).indices.tolist()) == set(range(5))


def test_neighbours_are_the_nearest_and_never_the_sample_itself():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    assert nearest_rows(points, points, 2, own=True).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert nearest_rows(points[:1], points, 1).tolist() == [[0]]


def test_an_answer_that_no_mixing_disturbs_is_in_front():
    def model(inputs):
        """Sure of class 1 wherever the corner is white, else unsure."""
        sure = (inputs[:, 0, 7, 7] >= 1).float() * 20
        return torch.stack([torch.zeros_like(sure), sure], 1)

    inputs = toy(50).inputs.clone()
    inputs[:4, 0, 7, 7] = 1
    inputs[4:, 0, 7, 7] = 0
    scores = strip(
        Evidence(model, inputs, torch.zeros(50, dtype=torch.long), inputs.flatten(1), torch.empty(0))
    )
    assert set(scores.topk(4).indices.tolist()) == set(range(4))


def test_label_errors_read_the_losses_of_the_training_or_else_of_now():
    labels = torch.tensor([0, 1])
    logits = torch.tensor([[5.0, 0.0], [5.0, 0.0]])
    losses = torch.tensor([[3.0, 1.0], [2.0, 1.0]])
    inputs = torch.zeros(2, 1)
    assert label_errors(Evidence(nn.Identity(), inputs, labels, inputs, logits, losses)).tolist() == [
        2.5,
        1.0,
    ]
    now = label_errors(Evidence(nn.Identity(), inputs, labels, inputs, logits))
    assert now[1] > now[0]


@pytest.mark.parametrize("name", [name for name in (DETECTORS | BASELINES) if name != "strip"])
def test_no_detector_reads_the_order_of_samples(name):
    detector, evidence = (DETECTORS | BASELINES)[name], _features()
    order = torch.randperm(200, generator=torch.Generator().manual_seed(5))
    turned = Evidence(
        evidence.model,
        evidence.inputs[order],
        evidence.labels[order],
        evidence.features[order],
        evidence.logits[order],
    )
    torch.testing.assert_close(detector(turned), detector(evidence)[order], rtol=1e-3, atol=1e-4)


def test_features_are_what_the_last_linear_layer_reads():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 4))
    samples = toy(30)
    evidence = evidence_of(net, samples.inputs, samples.labels)
    torch.testing.assert_close(evidence.features, net[:3](samples.inputs).detach())
    torch.testing.assert_close(evidence.logits, net(samples.inputs).detach())


def test_a_model_of_fewer_classes_is_refused():
    samples = toy(30)
    with pytest.raises(ModelError, match="knows 2 classes, but labels go up to 3"):
        evidence_of(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), samples.inputs, samples.labels)
