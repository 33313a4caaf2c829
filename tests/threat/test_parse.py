"""Threats as words, there and back."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparring.domain import GREY_LEVEL, Domain
from sparring.errors import ThreatError
from sparring.threat import L0, L1, L2, Grid, Linf, parse_size, parse_threat, threat_text, threat_words

WORDS = {
    "linf:8/255": Linf(8 / 255),
    "LINF: 8/255".replace(" ", ""): Linf(8 / 255),
    " linf:0.3 ": Linf(0.3),
    "linf:3e-2": Linf(0.03),
    "linf:1": Linf(1.0),
    "l2:0.5": L2(0.5),
    "l2:128/255": L2(128 / 255),
    "l1:12": L1(12.0),
    "l0:24": L0(24.0),
    "l0:24px": L0(24.0, pixels=True),
    "l0:3sq4": L0(3.0, pixels=True, side=4),
    "l0:minsq12": L0(math.inf, pixels=True, side=12),
}


@pytest.mark.parametrize("text", WORDS)
def test_words(text):
    assert parse_threat(text) == WORDS[text]


MISTAKES = {
    "linv:8/255": 'unknown norm .* did you mean "linf"',
    "zebra:1": "known are: l0, l1, l2, linf",
    ":1": "unknown norm",
    "": "unknown norm",
    "linf": "names no size; write for example linf:8/255, or linf:min for the smallest change",
    "l0": "names no size; write for example l0:24px",
    "l2:min:0.5": "write for example 0.5 or 8/255, or only min for the smallest change",
    "linf:": "not a number",
    "linf:8/": "not a number",
    "linf:/255": "not a number",
    "linf:8/0": "not a number",
    "linf:eight": "not a number",
    "linf:nan": "not a number",
    "linf:inf": "not a number",
    "linf:1e999": "not a number",
    "l2:1e5000/1e5000": "not a number",
    "l2:1.2.3": "not a number",
    "l1:24px": "not a number",
    "linf:8_0": "not a number",
    "linf:0": "must be positive",
    "linf:-8/255": "must be positive",
    "l0:-3px": "must be positive",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_one_sentence_that_quotes_them(text):
    with pytest.raises(ThreatError, match=MISTAKES[text]) as caught:
        parse_threat(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_enormous_number_is_refused_at_once():
    with pytest.raises(ThreatError, match="not a number"):
        parse_threat("linf:1e999999999")


threats = st.one_of(
    st.builds(Linf, st.floats(1e-6, 1.0)),
    st.builds(L2, st.floats(1e-6, 1e4)),
    st.builds(L1, st.floats(1e-6, 1e6)),
    st.builds(L0, st.integers(1, 10**6).map(float), st.booleans()),
    st.integers(1, 254).map(lambda grey: Linf(grey / 255)),
)


@given(threats)
def test_there_and_back(threat):
    again = parse_threat(threat_text(threat))
    assert type(again) is type(threat)
    assert again.eps == threat.eps
    assert threat_text(again) == threat_text(threat)


@pytest.mark.parametrize("grey", [1, 2, 4, 8, 16, 254])
def test_grey_levels_read_so(grey):
    assert threat_text(Linf(grey / 255)) == f"linf:{grey}/255"
    assert threat_text(Linf(torch.tensor(grey / 255))) == f"linf:{grey}/255"
    assert threat_text(Grid(Linf(grey / 255))) == f"linf:{grey}/255"


def test_budgets_per_sample_have_no_number():
    assert threat_text(L2(torch.tensor([0.5, 1.0]))) == "l2:per sample"


PLAIN = {
    "linf:8/255": "every pixel may change by at most 8 of 255 grey levels",
    "linf:0.1": "every pixel may change by at most 25.5 of 255 grey levels",
    "l2:0.5": "Euclidean length of the change being at most 0.5",
    "l1:12": "add up to at most 12",
    "l0:24px": "at most 24 pixels may change",
    "l0:3sq4": "at most 3 squares of 4 by 4 pixels may change",
    "l0:minsq4": "measured by the number of changed squares of 4 by 4 pixels",
    "l0:24": "at most 24 pixel values may change",
}


@pytest.mark.parametrize("text", PLAIN)
def test_for_people_who_do_not_know_norms(text):
    assert PLAIN[text] in threat_words(parse_threat(text), Domain(0.0, 1.0, GREY_LEVEL, (3, 8, 8)))


@pytest.mark.parametrize("text", ["zero", "", "-1", "0", "min", "nan"])
def test_the_eps_of_a_gate_is_a_positive_number(text):
    with pytest.raises(ThreatError, match="is no positive number; write for example"):
        parse_size(text)
