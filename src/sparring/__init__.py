"""Sparring: find out how a machine-learning model breaks under attack, and prove it.

    import sparring

    run = sparring.audit("net.pt2", "test.npz", "linf:8/255")
    print(run.robust_accuracy)

Names load what they need when they are first used, so that `import sparring` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparring.api import audit, doctor, gate, load_data, load_model, load_run, search, write_run
    from sparring.attacks import suites
    from sparring.checking import check
    from sparring.hardening import train
    from sparring.reports import log_to_mlflow

__all__ = [
    "audit",
    "check",
    "doctor",
    "gate",
    "load_data",
    "load_model",
    "load_run",
    "log_to_mlflow",
    "search",
    "suites",
    "train",
    "write_run",
]

_HOMES = dict.fromkeys(__all__, "sparring.api") | {
    "check": "sparring.checking",
    "log_to_mlflow": "sparring.reports",
    "train": "sparring.hardening",
    "suites": "sparring.attacks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sparring' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
