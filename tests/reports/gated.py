"""Made-up runs with gates, as an audit with `[audit.gate]` leaves them."""

from dataclasses import replace

from sparring.storage import Run
from tests.reports.runs import make_run

EVIL = (
    "<img src=x onerror=alert(1)> | ]]> & \"'` [x](http://evil.example) @team #1 **b** \x1b[31m \u202e\n# h"
)
"""A class name that tries everything."""


def gate(verdict: str, name: str = "min_robust_accuracy", **changes) -> dict:
    return {
        "name": name,
        "text": "robust accuracy at least 45%",
        "verdict": verdict,
        "reason": f"the interval says {verdict}",
        "demand": 0.45,
        "observed": 0.45,
        "low": 0.401,
        "high": 0.512,
        "level": 0.95,
        "samples": 60,
        "needed": 900 if verdict == "inconclusive" else None,
    } | changes


def gated(verdict: str, *gates: dict, **changes) -> Run:
    """A run with this verdict and these gates; by default one gate that says the same."""
    found = list(gates) or [gate(verdict)]
    return make_run(**({"verdict": verdict, "gates": found, "reasons": ["a reason"]} | changes))


def named(run: Run, text: str) -> Run:
    """`run` with `text` wherever a stranger's words can stand."""
    result = run.result
    return replace(
        run,
        result=result
        | {
            "model": result["model"] | {"name": text, "digest": text},
            "threat": result["threat"] | {"text": text, "words": text},
            "suite": result["suite"] | {"name": text},
            "data": result["data"] | {"classes": [text] * 10},
            "reasons": [text],
            "findings": [{"id": "clean-gradients", "severity": "note", "message": text, "samples": 3}],
            "gates": [gate(each["verdict"], text=text, reason=text) for each in result.get("gates", [])],
            "interval_note": text,
            "command": f"sparring audit --model '{text}'",
        },
    )
