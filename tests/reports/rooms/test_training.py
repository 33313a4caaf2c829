from rich.console import Console

from sparring.reports.rooms.training import render_training, training_summary
from sparring.storage.envelope import envelope

CURVE = [
    {"loss": None, "clean": 0.9, "robust": 0.1, "seconds": 0.0},
    {"loss": 1.5, "clean": 0.8, "robust": 0.55, "seconds": 61.0},
    {"loss": 0.5, "clean": 0.85, "robust": 0.4, "seconds": 122.0},
]


def document(**changes):
    body = {
        "model": {"name": "<b>net</b>", "source": "net.py:make", "file": "weights.safetensors"},
        "data": {"source": "train.npz", "learned": 1000, "held_out": 100, "test": 200},
        "threat": "linf:8/255",
        "objective": "trades",
        "settings": {"steps": None, "warm_up": 0.0, "epochs": 2, "learning_rate": 0.001},
        "curve": CURVE,
        "best": 1,
        "remedied": None,
    }
    finding = {"id": "training-x", "severity": "note", "message": "Something <i>odd</i>.", "samples": 100}
    return envelope("training", body | changes, samples=1000, seed=0, seconds=130.0, findings=[finding])


def test_the_page_shows_the_curve_and_what_was_saved():
    page = render_training(document())
    assert (
        'points="0.0,10.0 50.0,20.0 100.0,15.0"' in page and 'points="0.0,90.0 50.0,45.0 100.0,60.0"' in page
    )
    assert (
        'x1="50.0%"' in page
        and "<b>saved</b>" in page
        and "10.0% of them before, and 55.0% after epoch 1" in page
    )
    assert "robust under PGD-20, held out" in page and "warm up" not in page
    assert "<b>net</b>" not in page and "&lt;b&gt;net" in page and "<i>odd" not in page


def test_the_audit_comes_first_once_there_is_one():
    audit = {
        "verdict": "measured", "samples": 200, "clean_correct": 170, "robust": 90, "robust_accuracy": 0.45,
        "interval": {"low": 0.38, "high": 0.52, "level": 0.95}, "suite": "standard", "folder": "audit",
    }  # fmt: skip
    page = render_training(document(audit=audit))
    assert (
        "45.0<small>%" in page
        and "85.0% clean accuracy" in page
        and "Interval 38.0% to 52.0% (95.0%)" in page
    )
    assert "90 withstood it" in page
    assert "Interval" not in render_training(document(audit=audit | {"interval": None}))


def test_a_plain_training_has_no_robust_accuracy():
    page = render_training(document(curve=[each | {"robust": None} for each in CURVE], objective="plain"))
    assert (
        "PGD-20" not in page
        and "clean accuracy, held out" in page
        and "90.0% of them were right before" in page
    )


def test_a_training_that_ended_at_once_has_no_curve():
    page = render_training(document(curve=CURVE[:1], best=0))
    assert "How it went" not in page


def test_the_terminal_says_before_and_after():
    console = Console(width=100)
    with console.capture() as captured:
        console.print(training_summary(document()))
    text = captured.get()
    assert "before" in text and "10.0%" in text and "after epoch 1, the best" in text and "55.0%" in text
    assert "note: Something <i>odd</i>." in text
