"""Faults in the randomness that belongs to each row."""

from __future__ import annotations

from tests.faults.fault import Fault

CONFORMANCE = "tests/attacks/test_conformance.py::test_law"

DRAWS = (
    Fault(
        "draws depend on the place in the batch",
        "draws.py",
        "z = start[:, None] + counter",
        "z = start[:, None] + counter + torch.arange(len(start))[:, None]",
        ("tests/test_draws.py", f"{CONFORMANCE}[pgd"),
    ),
    Fault(
        "every draw of a row is the same",
        "draws.py",
        "torch.as_tensor(draw, device=like.device) * _NEXT_DRAW",
        "torch.as_tensor(draw, device=like.device) * 0",
        ("tests/test_draws.py",),
    ),
    Fault(
        "a restart repeats the draws of the first run",
        "evaluation/search/stages.py",
        "words = (turn.number, turn.stage.name, turn.aim, turn.restart)",
        "words = (turn.number, turn.stage.name, turn.aim)",
        ("tests/evaluation/",),
    ),
)
