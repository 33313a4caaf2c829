"""What is done to the scores after the net: attacks that climb a loss of them lose its gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from defences import nets
from defences.defence import Defence, digits

__all__ = ["distilled", "labels_only", "rejecting", "rounded", "scaled"]


class Rejecting(nn.Module):
    """Answer a class more, the last one, where no class is likely enough."""

    def __init__(self, net: nn.Module, least: float = 0.9) -> None:
        super().__init__()
        self.net, self.least = net, least

    def forward(self, inputs: Tensor) -> Tensor:
        likely = self.net(inputs).softmax(1)
        answers = torch.cat([likely, torch.zeros_like(likely[:, :1])], 1)
        answers[likely.amax(1) < self.least] = torch.eye(answers.shape[1])[-1]
        return answers


def scaled() -> Defence:
    """Logits so large that the softmax is 0 or 1 to the last bit."""
    net = digits()
    return Defence("logits x 10,000", lambda inputs: 10_000 * net(inputs), (net,))


def distilled() -> Defence:
    """Trained at temperature 100, used at temperature 1 (Papernot et al. 2016, https://arxiv.org/abs/1511.04508)."""
    net = nets.loaded("distilled", nets.digits())
    return Defence("distilled", lambda inputs: net(inputs).softmax(1), (net,))


def rounded() -> Defence:
    """Probabilities with two decimals."""
    net = digits()
    return Defence(
        "rounded probabilities", lambda inputs: net(inputs).softmax(1).mul(100).round() / 100, (net,)
    )


def labels_only() -> Defence:
    """The predicted class and nothing else: neither gradients nor scores say where to go."""
    net = digits()
    return Defence("labels only", lambda inputs: one_hot(net(inputs).argmax(1), 10).float(), (net,))


def rejecting() -> Defence:
    """A reject option; rejecting a sample of the test set is an error too."""
    net = digits()
    return Defence("reject option", Rejecting(net), (net,))
