"""Faults in attacks that read scores only."""

from __future__ import annotations

from tests.faults.fault import Fault

QUERIES = (
    Fault(
        "slopes told from scores point down",
        "attacks/estimated.py",
        "losses[:, 1:] - losses[:, :1]",
        "losses[:, :1] - losses[:, 1:]",
        ("tests/attacks/test_estimated.py",),
    ),
    Fault(
        "slopes are forgotten from step to step",
        "attacks/estimated.py",
        "slopes, turn = state.slopes,",
        "slopes, turn = torch.zeros_like(state.slopes),",
        ("tests/attacks/test_estimated.py",),
    ),
    Fault(
        "what a surrogate lacks is taken off",
        "attacks/estimated.py",
        "slopes + torch.where(state.went",
        "slopes - torch.where(state.went",
        ("tests/attacks/test_estimated.py",),
    ),
    Fault(
        "directions of looks are what is known already",
        "attacks/parts/normals.py",
        "drawn - (drawn @ mean)",
        "drawn + (drawn @ mean)",
        ("tests/attacks/parts/test_normals.py",),
    ),
    Fault(
        "waves that were seen vary as before",
        "attacks/parts/normals.py",
        "covariance=self.covariance - known.T @ known",
        "covariance=self.covariance - 0 * known.T @ known",
        ("tests/attacks/parts/test_normals.py",),
    ),
    Fault(
        "a tangent is told from the wrong side",
        "attacks/hlrf.py",
        "normal * (inputs - point)",
        "normal * (point - inputs)",
        ("tests/attacks/test_hlrf.py",),
    ),
    Fault(
        "the attack that is farther away goes on",
        "attacks/best_of.py",
        "state.best.argmax(1)",
        "state.best.argmin(1)",
        ("tests/attacks/test_best_of.py",),
    ),
    Fault(
        "SimBA never turns back",
        "attacks/simba.py",
        "torch.where(following, 1.0, -1.0)",
        "torch.where(following, -1.0, -1.0)",
        ("tests/attacks/test_simba.py",),
    ),
    Fault(
        "Sparse-RS keeps what is worse",
        "attacks/sparse_rs.py",
        "better = (seen.loss > state.best)",
        "better = (seen.loss < state.best)",
        ("tests/attacks/test_sparse_rs.py",),
    ),
    Fault(
        "NES walks down",
        "attacks/nes.py",
        "(plus - minus)",
        "(minus - plus)",
        ("tests/attacks/test_conformance.py::test_law[nes-l2-breaks_the_breakable]",),
    ),
)
