"""`sparring.check`: an audit as a test."""

import pytest

import sparring
from sparring.attacks import Square
from sparring.errors import CheckFailed, OtherRunError, SparringError, UsageError
from sparring.session import Session, current
from sparring.testing import half_space
from sparring.threat import Linf

SUITE = (Square(20),)  # looks at scores only, so that no trial of the model takes its time


@pytest.fixture
def check():
    """Check 40 samples of a linear model, of which about a third withstand."""
    problem = half_space(Linf(0.05), rows=40)
    data = (problem.task.inputs, problem.task.goal.labels)

    def run(model=problem.model, suite=SUITE, threat="linf:0.05", **options):
        return sparring.check(model, data, threat, suite, **options)

    return run


@pytest.fixture(autouse=True)
def session():
    """Set what the runner of the tests wishes, for one test; the plugin in our own session has no say."""
    tokens = [current.set(Session())]
    yield lambda **wishes: tokens.append(current.set(Session(**wishes)))
    for token in reversed(tokens):
        current.reset(token)


def test_a_pass_gives_the_run(check):
    run = check(min_robust_accuracy=0.2)
    assert run.verdict == "pass" and 0.2 < run.robust_accuracy < 0.9


def test_a_fail_is_an_assertion_with_everything_in_it(check, tmp_path):
    with pytest.raises(CheckFailed) as caught:
        check(min_robust_accuracy=0.99, out=tmp_path / "run")
    text, run = str(caught.value), caught.value.run
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, SparringError)
    assert text.startswith("fail: Linear under linf:0.05, suite square\n")
    assert f"{run.result['robust']} of 40 samples robust" in text and "at least 99%" in text
    assert str(tmp_path / "run" / "adversarial.safetensors") in text
    assert (tmp_path / "run" / "adversarial.safetensors").exists()
    assert f"next: see what broke, and how: sparring report {tmp_path / 'run'}" in text


def test_inconclusive_fails_unless_it_is_allowed(check):
    share = check(min_robust_accuracy=0, sample=30).robust_accuracy
    wishes = {"min_robust_accuracy": share, "sample": 30}  # what is seen exactly is never decided
    with pytest.raises(CheckFailed, match=r"^inconclusive: "):
        check(**wishes)
    for allow in ("inconclusive", ("inconclusive",), ["inconclusive"]):
        assert check(**wishes, allow=allow).verdict == "inconclusive"
    with pytest.raises(CheckFailed, match=r"^fail: "):
        check(min_robust_accuracy=0.99, allow="inconclusive")


@pytest.mark.parametrize("verdict", ["invalid", "incomplete"])
def test_what_cannot_be_trusted_always_fails(check, monkeypatch, verdict):
    made = check(min_robust_accuracy=0.2)
    made.result["verdict"] = verdict
    monkeypatch.setattr("sparring.checking.audit", lambda **_: made)
    with pytest.raises(CheckFailed, match=f"^{verdict}: "):
        check(min_robust_accuracy=0.2, allow="inconclusive")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no gate is set"),
        ({"min_robust_accuracy": 45}, "0.45"),
        ({"max_drop": 0.02}, "needs a baseline"),
        ({"min_robust_accuracy": 0.4, "allow": "fail"}, "only inconclusive may be allowed, not fail"),
        ({"min_robust_accuracy": 0.4, "allow": ["invalid", "inconclusive"]}, "not invalid"),
        ({"min_robust_accuracy": 0.4, "limit": 3, "sample": 3}, "give one of them"),
    ],
)
def test_bad_input_costs_no_search(check, monkeypatch, options, words):
    monkeypatch.setattr("sparring.finishing.run_audit", lambda *_: pytest.fail("searched"))
    with pytest.raises(UsageError, match=words):
        check(**options)


def test_an_earlier_run_is_a_baseline(check, tmp_path):
    check(min_robust_accuracy=0.2, out=tmp_path / "old")
    assert check(max_drop=0.02, baseline=tmp_path / "old").verdict == "pass"
    with pytest.raises(UsageError, match=r"under threat linf:0\.05"):
        check(max_drop=0.02, baseline=tmp_path / "old", threat="linf:0.06")


def test_a_folder_of_the_users_own_is_gone_on_with_and_never_cleared(check, tmp_path):
    check(min_robust_accuracy=0.2, out=tmp_path)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()}
    check(min_robust_accuracy=0.2, out=tmp_path)
    assert kept == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()}
    with pytest.raises(OtherRunError, match="holds another run"):
        check(min_robust_accuracy=0.2, out=tmp_path, seed=1)


def test_the_sessions_folder_is_for_the_newest_run(check, session, tmp_path):
    def digest():
        return (tmp_path / "a" / "plan.json").read_text()

    session(folders=iter([tmp_path / "a"] * 4))
    check(min_robust_accuracy=0.2)
    first, shards = digest(), set((tmp_path / "a" / "shards").iterdir())
    check(min_robust_accuracy=0.2, seed=1)
    assert digest() != first and not shards & set((tmp_path / "a" / "shards").iterdir())
    assert check(min_robust_accuracy=0.2, seed=1).folder == tmp_path / "a"


def test_the_session_is_told_of_every_run_that_there_is(check, session):
    told = []
    session(tell=told.append, suite="smoke", sample=20, allow=("inconclusive",))
    check(min_robust_accuracy=0.01, limit=40)
    with pytest.raises(CheckFailed):
        check(min_robust_accuracy=0.99)
    assert [run.verdict for run in told] == ["inconclusive", "fail"]
    assert {run.result["suite"]["name"] for run in told} == {"smoke"} and {run.samples for run in told} == {
        20
    }


def test_ctrl_c_stops_the_test_runner_and_keeps_what_was_found(check, tmp_path):
    def stop(standing):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(min_robust_accuracy=0.2, out=tmp_path / "run", watch=stop)
    assert sparring.load_run(tmp_path / "run").verdict == "incomplete"
