import re
import string
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sparring.reports import render_markdown
from sparring.reports.ci.inline import code, prose
from sparring.reports.ci.markdown import LIMIT
from tests.reports.gated import EVIL, gate, gated, named
from tests.reports.runs import make_run

VERDICTS = ("measured", "pass", "fail", "inconclusive", "invalid", "incomplete")
OURS = {"h2", "h3", "p", "strong", "code", "ul", "li", "pre"} | {"table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """Tags and text of a rendered page."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_comes_first_and_no_other_is_named_in_the_head(verdict):
    text = render_markdown(gated(verdict))
    assert text.startswith(f"## Sparring: {verdict}\n")
    assert f"- **{verdict}**: robust accuracy at least 45%" in text


def test_numbers_gates_classes_findings_and_command_follow_in_this_order():
    run = replace(gated("fail"), folder=Path("runs/today"))
    text = Page(render_markdown(run)).text
    parts = (
        "Failed", "small_resnet", "linf:8/255", "robust accuracy", f"{run.result['robust']} of 60", "20.1% to 31.2%",
        "123,456 forward", "1 min 23 s", "Gates", "the interval says fail", "Least robust classes", "Findings",
        "3 samples have no gradient", "Next", "sparring report runs/today --format html",
    )  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_worst_classes_are_five_and_the_worst_is_first():
    text = render_markdown(make_run(200))
    section = text[text.index("### Least robust") : text.index("### Findings")]
    shares = [float(found) for found in re.findall(r"([\d.]+)% robust", section)]
    assert len(shares) == 5 and shares == sorted(shares)


def test_sections_without_content_are_left_out():
    text = render_markdown(make_run(findings=[]))
    assert "### Findings" not in text and "### Gates" not in text


def test_a_run_that_was_stopped_says_why():
    assert "- interrupted, what was found is kept" in render_markdown(
        make_run(verdict="incomplete", reasons=["interrupted, what was found is kept"])
    )


@pytest.mark.parametrize(
    ("verdict", "command"),
    [
        ("measured", "sparring gate 'my runs/1' --min-robust-accuracy 0.2"),
        ("pass", "sparring gate NEXT_RUN --baseline 'my runs/1' --max-drop 0.02"),
        ("fail", "sparring report 'my runs/1' --format html"),
        (
            "inconclusive",
            "sparring audit --model small_resnet.pt2 --data test.npz --threat linf:8/255 --sample 900",
        ),
        ("invalid", "sparring audit --model small_resnet.pt2 --data test.npz --threat linf:8/255"),
        ("incomplete", "sparring audit --model small_resnet.pt2 --data test.npz --threat linf:8/255"),
    ],
)
def test_every_verdict_has_one_next_command(verdict, command):
    text = render_markdown(replace(gated(verdict), folder=Path("my runs/1")))
    assert text.endswith(f"```sh\n{command}\n```\n") and text.count("```") == 2


@pytest.mark.parametrize("verdict", ["measured", "inconclusive"])
def test_a_suite_that_passes_nobody_is_not_gated(verdict):
    command = "sparring audit --model a.pt2 --suite=smoke --limit 5"
    run = gated(verdict, suite={"name": "smoke", "stages": []}, command=command)
    assert "```sh\nsparring audit --model a.pt2 --limit 5 --suite standard\n```" in render_markdown(run)


def test_a_number_of_samples_is_replaced_and_not_added_to():
    run = gated("inconclusive", command="sparring audit --limit 50 --model a.pt2 --sample=7")
    assert "```sh\nsparring audit --model a.pt2 --sample 900\n```" in render_markdown(run)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_without_a_command_that_repeats_the_run_there_is_still_a_next_one(verdict):
    assert "```sh\nsparring " in render_markdown(gated(verdict, command=None))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_words_of_strangers_stay_words(verdict):
    text = render_markdown(named(gated(verdict), EVIL))
    page, plain = Page(text), Page(render_markdown(named(gated(verdict), "plain")))
    assert page.tags == plain.tags and set(page.tags) <= OURS
    assert "<img src=x onerror=alert(1)>" in page.text
    assert not re.search(r"(?m)^.*[\x1b\u202e]", text.split("```")[0])


HOSTILE = st.text(st.sampled_from(string.punctuation + " \n\ta1é\u2028"), max_size=40)


@given(HOSTILE)
def test_prose_renders_to_itself(text):
    page = Page(f"- x{prose(text)}x")
    shown = page.text.replace("\u200b", "").strip()
    assert set(page.tags) <= {"ul", "li"}
    assert shown == "x" + " ".join(text.split()) + "x"


@given(HOSTILE)
def test_prose_stays_in_its_cell(text):
    page = Page(f"| a | b |\n|--|--|\n| {prose(text)} | c |")
    assert page.tags.count("td") == 2 and page.tags.count("tr") == 2


@given(HOSTILE)
def test_code_renders_to_itself(text):
    page = Page(f"- {code(text)}: c")
    assert page.tags == ["ul", "li", "code"]
    assert page.text.strip() == f"{' '.join(text.split())}: c".strip()


@pytest.mark.parametrize(
    "text", ["@team", "see #12", "http://evil.example", "www.evil.example", "a@b.example"]
)
def test_nobody_is_called_and_nothing_linked(text):
    assert not re.search(r"@\w|#\d|://\w|www\.", prose(text), re.ASCII)


def test_a_hostile_or_huge_run_stays_below_the_limit():
    huge = "<&|*" * 5_000
    many = [gate("fail", f"gate {place}", text=huge, reason=huge) for place in range(500)]
    run = named(gated("fail"), huge)
    run.result.update(gates=many, findings=run.result["findings"] * 500, reasons=[huge] * 500)
    text = render_markdown(run)
    assert len(text.encode()) < LIMIT
    assert set(Page(text).tags) <= OURS
    assert "and 480 more" in text


def test_a_command_without_end_is_left_out_and_nothing_else():
    text = render_markdown(gated("invalid", command="sparring audit " + "x" * LIMIT))
    assert len(text.encode()) < LIMIT and "Next" not in text and "### Findings" in text


def test_equal_runs_give_equal_bytes():
    assert render_markdown(gated("fail")) == render_markdown(gated("fail"))
