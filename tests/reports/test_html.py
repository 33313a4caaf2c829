import re
import time
from html.parser import HTMLParser

import pytest
import torch

from sparring.errors import DataError, UsageError
from sparring.reports import render_html, save_html
from sparring.reports.html import headline
from sparring.storage import Run
from tests.reports.runs import CIFAR, make_run

LIMIT = 2_000_000
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
VOID = {"meta", "img", "br", "input", "link", "hr"}


class Reader(HTMLParser):
    """Collects the tags, the words and what does not close."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open, self.attributes = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def page():
    return render_html(make_run(60))


def test_the_verdict_and_robust_accuracy_come_first(page):
    run, text = make_run(60), Reader(page).text
    number, sign = f"{run.robust_accuracy:.1%}"[:-1], "%"
    body = text[text.index("Sparring") :]
    order = [
        body.index(part)
        for part in ("measured", f"{number} {sign}", "clean accuracy", "The threat", "What was tried")
    ]
    assert order == sorted(order)
    assert order[2] < 300


def test_sections_come_in_order(page):
    wanted = (
        "The threat",
        "Findings",
        "What was tried",
        "Accuracy over effort",
        "The closest breaks",
        "Class by class",
    )
    wanted += ("As files of whole grey levels", "What it cost", "What was loaded", "How to repeat it")
    assert re.findall(r"<h2>(.*?)</h2>", page) == list(wanted)


def test_the_page_is_well_formed_and_stands_alone(page):
    read = Reader(page)
    assert read.open == []
    assert not {"script", "link", "iframe", "object", "form"} & set(read.tags)
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith("data:image/png;base64,")
    assert "url(" not in page
    assert "http://" not in page


def test_a_policy_forbids_everything_but_inline_styles_and_data_images(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "script-src" not in policy


def test_text_of_strangers_is_escaped_everywhere():
    run = make_run(
        60, classes=(EVIL,) * 10, reasons=[EVIL], command=EVIL, python=EVIL, date=EVIL, interval_note=EVIL
    )
    finding = {"id": EVIL, "severity": "error", "message": EVIL, "samples": 3}
    result = run.result | {
        "findings": [finding],
        "model": {"name": EVIL, "source": EVIL, "digest": EVIL, "notes": [EVIL], "device": EVIL},
        "data": run.result["data"] | {"source": EVIL, "digest": EVIL, "notes": [EVIL]},
        "threat": run.result["threat"] | {"text": EVIL, "words": EVIL},
        "versions": {EVIL: EVIL},
    }
    result["suite"]["name"] = EVIL
    read = Reader(render_html(Run(result, run.records, run.attempts, run.tensors)))
    assert "script" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert read.text.count("<script>alert(1)</script>") > 30


def test_every_count_of_the_bar_adds_up():
    line = headline(make_run(60))
    assert line.robust + line.broken + line.wrong + line.other == line.samples == 60
    assert line.correct == line.robust + line.broken + line.other
    assert line.other == 0
    assert min(line.robust, line.broken, line.wrong) > 0


def test_ten_thousand_samples_and_large_images_stay_below_two_megabytes():
    names = tuple(f"a rather long name for class {label}" for label in range(1000))
    small = make_run(10_000, shape=(1, 4, 4), classes=names)
    large = make_run(40, shape=(3, 224, 224))
    noise = {"gallery_inputs": torch.rand(24, 3, 224, 224), "gallery_index": small.tensors["gallery_index"]}
    noise["gallery_adversarial"] = (noise["gallery_inputs"] + 0.03 * torch.randn(24, 3, 224, 224)).clamp(0, 1)
    result = small.result | {"data": small.result["data"] | {"shape": [3, 224, 224]}}
    began = time.perf_counter()
    text = render_html(Run(result, small.records, small.attempts, noise))
    assert time.perf_counter() - began < 10
    assert 200_000 < len(text.encode()) < LIMIT
    assert len(render_html(large).encode()) < LIMIT
    assert "960 more robust classes" in text


@pytest.mark.parametrize("shape", [(20,), (1, 8000), (3, 1, 1), (1, 28, 28)], ids=str)
def test_data_of_any_shape_have_a_page(shape):
    text = render_html(make_run(30, shape=shape))
    assert Reader(text).open == []
    assert ("<img" in text) == (len(shape) == 3)


@pytest.mark.parametrize("verdict", ["measured", "pass", "fail", "inconclusive", "invalid", "incomplete"])
def test_every_verdict_has_its_word(verdict):
    text = Reader(render_html(make_run(20, verdict=verdict, reasons=["Because of this."]))).text
    assert verdict in text
    assert "Because of this." in text


@pytest.mark.parametrize(
    "changes",
    [
        {"interval": None, "interval_note": "The first 20 samples are no random draw."},
        {"robust_8bit": None},
        {"findings": [], "reasons": []},
        {"curve": {"passes": [], "robust": []}},
        {"model": {"name": "net"}, "data": {}},
        {"command": None, "python": None, "seconds": 0.0},
        {"clean_correct": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_may_be_missing_may_be_missing(changes):
    assert Reader(render_html(make_run(20, **changes))).open == []


def test_a_run_of_nothing_has_a_page():
    assert Reader(render_html(make_run(0))).open == []
    assert "Class by class" not in render_html(make_run(3, classes=("only",)))


def test_equal_runs_have_equal_pages(page):
    assert render_html(make_run(60)) == page
    assert CIFAR[0] in page


def test_a_page_is_saved_whole(tmp_path):
    assert save_html("<p>é", tmp_path / "report.html").read_text(encoding="utf-8") == "<p>é"
    with pytest.raises(UsageError, match="is a folder"):
        save_html("x", tmp_path)
    with pytest.raises(DataError, match="cannot be written"):
        save_html("x", tmp_path / "none" / "report.html")
