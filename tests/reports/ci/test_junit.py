from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from sparring.reports import render_junit
from tests.reports.gated import EVIL, gate, gated, named
from tests.reports.runs import make_run

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("schemas") / "junit-10.xsd")

SAID = {
    "measured": [],
    "pass": [],
    "fail": ["failure"],
    "inconclusive": ["skipped"],
    "invalid": ["error"],
    "incomplete": ["error"],
}


def read(run):
    """The one suite, after a look at the schema."""
    text = render_junit(run)
    SCHEMA.validate(text.encode())
    (suite,) = ET.fromstring(text.encode())
    return suite


def said(suite):
    return {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}


def counts(suite):
    return [int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")]


@pytest.mark.parametrize("verdict", SAID)
def test_a_gate_says_what_the_verdict_says(verdict):
    suite = read(gated(verdict))
    assert said(suite) == {"min_robust_accuracy": SAID[verdict]}
    assert counts(suite) == [1, *(int(SAID[verdict] == [tag]) for tag in ("failure", "error", "skipped"))]


@pytest.mark.parametrize("verdict", ["measured", "invalid", "incomplete"])
def test_a_run_without_gates_is_one_case(verdict):
    assert said(read(make_run(verdict=verdict, reasons=["why"]))) == {"measured": SAID[verdict]}


def test_each_gate_is_a_case_of_its_own():
    gates = gate("pass"), gate("fail", "max_drop"), gate("inconclusive", "min_class_accuracy")
    suite = read(gated("fail", *gates))
    assert said(suite) == {
        "min_robust_accuracy": [],
        "max_drop": ["failure"],
        "min_class_accuracy": ["skipped"],
    }
    assert counts(suite) == [3, 1, 0, 1]


@pytest.mark.parametrize("verdict", ["invalid", "incomplete"])
def test_nothing_passes_or_fails_in_a_run_that_cannot_be_trusted(verdict):
    suite = read(gated(verdict, gate("pass"), gate("fail", "max_drop"), reasons=["gradients are blocked"]))
    assert said(suite) == {"min_robust_accuracy": ["error"], "max_drop": ["error"]}
    assert {error.get("message") for error in suite.iter("error")} == {"gradients are blocked"}


def test_what_its_gates_would_say_is_no_reason_of_an_invalid_run():
    own = "robust accuracy at least 45%: pass: the interval says pass"
    (error,) = read(gated("invalid", gate("pass"), reasons=["gradients are blocked", own])).iter("error")
    assert error.get("message") == "gradients are blocked" and "pass" not in error.text


def test_a_verdict_that_no_gate_explains_is_not_lost():
    assert said(read(gated("fail", gate("pass")))) == {"min_robust_accuracy": [], "verdict": ["failure"]}


def test_an_unknown_outcome_is_an_error_and_never_a_pass():
    assert said(read(gated("pass", gate("pass"), gate("maybe", "new"))))["new"] == ["error"]


def test_the_message_says_why_and_with_what_numbers():
    (skipped,) = read(gated("inconclusive")).iter("skipped")
    assert skipped.get("message") == "the interval says inconclusive"
    assert "robust accuracy at least 45%" in skipped.text
    assert "95% interval 20.1% to 31.2%" in skipped.text


def test_properties_can_be_read_back():
    run = gated("pass")
    found = {each.get("name"): each.get("value") for each in read(run).iter("property")}
    result = run.result
    for name in ("samples", "robust", "clean_correct", "seed", "forwards", "backwards"):
        assert int(found[name]) == result[name]
    assert float(found["robust_accuracy"]) == run.robust_accuracy
    assert float(found["eps"]) == result["threat"]["eps"]
    assert found["interval"] == "0.201 to 0.312 at level 0.95"
    assert (found["threat"], found["suite"]) == ("linf:8/255", "standard")
    assert found["model_digest"] == result["model"]["digest"]


def test_what_is_unknown_is_left_out():
    run = make_run(interval=None, threat={"text": "linf:8/255", "words": "all may change", "eps": None})
    names = {each.get("name") for each in read(run).iter("property")}
    assert not names & {"interval", "eps"}


def test_the_name_tells_runs_apart_and_the_time_is_that_of_the_audit():
    suite = read(gated("pass"))
    assert suite.get("name") == "small_resnet under linf:8/255, suite standard"
    assert suite.get("time") == "83.200"
    assert suite.get("timestamp") == "2026-11-23T07:00:00Z"


@pytest.mark.parametrize("verdict", SAID)
def test_the_words_of_strangers_stay_words(verdict):
    suite = read(named(gated(verdict), EVIL))
    assert {each.tag for each in suite.iter()} <= {
        *("testsuite", "properties", "property", "testcase", "system-out"),
        *("failure", "error", "skipped"),
    }
    assert suite.get("name").startswith("<img src=x onerror=alert(1)> | ]]> & \"'`")
    assert "\x1b" not in "".join(suite.itertext()) and "\ufffd[31m" in suite.get("name")


def test_equal_runs_give_equal_bytes():
    assert render_junit(gated("fail")) == render_junit(gated("fail"))
