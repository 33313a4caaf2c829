"""A service that takes and gives JSON of its own: a list of inputs under one name, a list of outputs under another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.errors import ModelError, UsageError

__all__ = ["JsonPort", "json_port"]


@dataclass(frozen=True)
class JsonPort:
    """Where inputs and outputs stand in JSON.

    Args:
        where: The address of the service, for errors.
        inputs: The keys that lead to the inputs in a request, from the outside in.
        results: Those that lead to the outputs in an answer.
    """

    where: str
    inputs: tuple[str, ...]
    results: tuple[str, ...]

    path = ""
    rows = None

    def check(self, shape: torch.Size) -> None:
        """Nothing is known of what it takes; it says so itself."""

    def request(self, inputs: Tensor) -> bytes:
        """The body that asks about `inputs` `(N, *shape)`, nested lists; every float32 arrives as it is."""
        body: Any = inputs.detach().to("cpu", torch.float64).tolist()
        for key in reversed(self.inputs):
            body = {key: body}
        return json.dumps(body).encode()

    def outputs(self, answer: Any, rows: int) -> Tensor:
        """The outputs in an answer about so many rows: scores, or whole numbers, one per row, for classes.

        Raises:
            ModelError: They are missing, are no numbers, or are not as many as rows were asked about.
        """
        values = self._numbers(self._found(answer))
        if not values.ndim or len(values) != rows:
            count = len(values) if values.ndim else 0
            raise ModelError(
                f"the service at {self.where} was asked about {rows} inputs and answers with {count} rows; it must "
                "give a list with one entry per input"
            )
        return values

    def _found(self, answer: Any) -> Any:
        for key in self.results:
            if not isinstance(answer, dict) or key not in answer:
                raise ModelError(
                    f'the service at {self.where} answers without "{".".join(self.results)}": there is no "{key}" '
                    f"{_among(answer)}; say in json_fields where the outputs stand"
                )
            answer = answer[key]
        return answer

    def _numbers(self, found: Any) -> Tensor:
        try:
            values = torch.tensor(found)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ModelError(
                f'the service at {self.where} answers with "{".".join(self.results)}" that is no list of numbers, '
                "as many for each input"
            ) from None
        one_each = values.ndim == 1 or values.shape[1:] == (1,)
        return values.long() if one_each and not values.is_floating_point() else values.float()


def _among(answer: Any) -> str:
    """What is there instead, in words that cannot harm a terminal."""
    if not isinstance(answer, dict):
        return f"in a {type(answer).__name__}"
    return f"among {', '.join(json.dumps(key)[:40] for key in list(answer)[:5])}" if answer else "in {}"


def json_port(text: str, where: str) -> JsonPort:
    """The port that `instances:predictions` describes; dots lead inside: `inputs:result.scores`.

    Raises:
        UsageError: The text does not name both.

    >>> json_port("data.rows:result.scores", "there").results
    ('result', 'scores')
    """
    inputs, results = (tuple(part.strip().split(".")) for part in text.partition(":")[::2])
    if not all((*inputs, *results)):
        raise UsageError(
            "json_fields takes where inputs and outputs stand in JSON, with a colon between them, such as "
            f'instances:predictions or inputs:result.scores, but got "{text}"'
        )
    return JsonPort(where, inputs, results)
