"""`sparring transfer`: a table, a page, files, and one sentence for bad input."""

import json

import numpy as np
import pytest

SURROGATE = """
import torch
from torch import nn

def make(classes=4):
    net = nn.Linear(64, classes, bias=False)
    torch.manual_seed(0)
    nn.init.orthogonal_(net.weight)
    return nn.Sequential(nn.Flatten(), net)

def other():
    return make(7)

def large():
    torch.manual_seed(0)
    return nn.Sequential(nn.AvgPool2d(2), make())

def turned():
    body = make()
    body[1].weight.data = body[1].weight.data[[1, 2, 3, 0]] / 255
    return body
"""

MASKED = """
from torch import nn
import net

class Reversed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = net.make()

    def forward(self, inputs):
        scores = self.body(inputs)
        return 2 * scores.detach() - scores

make = Reversed
"""


@pytest.fixture
def transfer(sparring, project):
    (project / "mine.py").write_text(SURROGATE)

    def run(*words):
        return sparring("transfer", "--model", "net.py:make", "--data", "data.npz", *words)

    return run


def test_a_table_a_page_and_a_result(transfer, project):
    code, out, err = transfer(
        "--surrogate", "net.py:make", "--threat", "linf:40/255", "--gradients", 10, "--method", "mi"
    )
    assert (code, err) == (0, "")
    assert "fooled" in out
    document = json.loads((project / "runs/transfer/result.json").read_text())
    assert document["kind"] == "transfer"
    assert {line["medium"] for line in document["body"]["lines"]} == {"memory", "png", "jpeg-95", "jpeg-75"}
    first = document["body"]["lines"][0]
    assert first["fooled"] / first["eligible"] > 0.9
    page = (project / "runs/transfer/report.html").read_text()
    assert f"{first['fooled']} of {first['eligible']} samples" in " ".join(page.split())
    assert page.count("<figure>") == min(12, first["fooled"]) and "mi on make" in page
    beside = document["body"]["beside_gradients"]
    assert (beside["threat"], beside["only_transferred"], document["findings"]) == ("linf:40/255", 0, [])
    assert f"its own gradients break {beside['own']} in 50 steps" in " ".join(out.split())
    assert "Beside its own gradients" in page


def test_masked_gradients_are_found(transfer, project):
    (project / "masked.py").write_text(MASKED)
    code, out, err = transfer(
        *("--model", "masked.py:make", "--surrogate", "net.py:make", "--threat", "linf:40/255"),
        *("--gradients", 10, "--method", "mi"),
    )
    assert (code, err) == (0, "")
    assert "its gradients mislead" in " ".join(out.split())
    (told,) = json.loads((project / "runs/transfer/result.json").read_text())["findings"]
    assert told["id"] == "transfer-beats-gradients"
    assert "transfer-beats-gradients" in (project / "runs/transfer/report.html").read_text()


def test_json_is_the_document(transfer, project):
    code, out, _ = transfer("--surrogate", "net.py:make", "--gradients", 5, "--method", "mi", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((project / "runs/transfer/result.json").read_text())


def test_examples_are_exported_with_sidecars(transfer, project):
    code, *_ = transfer(
        "--surrogate",
        "net.py:make",
        "--gradients",
        5,
        "--method",
        "mi",
        "--limit",
        3,
        "--export",
        "png",
        "--out",
        "made",
    )
    assert code == 0
    assert len(list((project / "made/examples").rglob("*.png"))) == 3
    assert len(list((project / "made/examples").rglob("*.json"))) == 3


def test_a_stolen_surrogate_and_queries(transfer, project, monkeypatch):
    monkeypatch.setattr("sparring.transfer.stealing.UPDATES", 60)
    stored = np.load(project / "data.npz")
    kept = stored["y"] < stored["y"].max()  # the target knows a class that no sample has
    np.savez(project / "data.npz", x=stored["x"][kept], y=stored["y"][kept])
    code, out, err = transfer(
        *("--steal", 80, "--limit", 10, "--threat", "linf:30/255"),
        *("--gradients", 10, "--method", "mi", "--queries", 40),
    )
    assert (code, err) == (0, "")
    assert "With at most 40 queries a sample" in " ".join(out.split())
    body = json.loads((project / "runs/transfer/result.json").read_text())["body"]
    assert body["lines"][0]["surrogate"] == "stolen-make-1"
    assert body["refined"]["asked"] <= 40 * 10
    fooled = max(line["fooled"] for line in body["lines"] if line["medium"] == "memory")
    assert 0 < fooled <= body["refined"]["wrong"] <= body["refined"]["samples"] == 10


def test_queries_pay_for_as_many_examples_as_they_can_and_for_a_larger_one(transfer, project, monkeypatch):
    import sparring.transfer

    offered, refine = [], sparring.transfer.refine

    def noted(target, samples, threat, candidates, queries, **options):
        offered.extend((each - samples.inputs).abs().max() * 255 for each in candidates)
        return refine(target, samples, threat, candidates, queries, **options)

    monkeypatch.setattr(sparring.transfer, "refine", noted)
    code, _, err = transfer(
        *(
            "--surrogate",
            "mine.py:make",
            "--threat",
            "linf:2/255",
            "--limit",
            8,
            "--gradients",
            4,
            "--queries",
            3,
        ),
        *("--method", "mi", "--method", "i-fgsm", "--method", "di"),
    )
    assert (code, err) == (0, "")
    assert offered == pytest.approx([2, 2, 8], abs=0.01)
    refined = json.loads((project / "runs/transfer/result.json").read_text())["body"]["refined"]
    assert refined["examples"] == 2
    assert refined["asked"] <= 3 * 8


def test_with_every_sample_attacked_nothing_can_be_stolen(transfer):
    code, _, err = transfer("--steal", 80, "--threat", "linf:30/255")
    assert code == 2
    assert "none is left to steal with" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "needs a target, data and a surrogate"),
        (("--surrogate", "mine.py:other"), "classes, net with 4|must tell the same classes apart"),
        (("--surrogate", "net.py:make", "--method", "mii"), "unknown transfer method 'mii'"),
        (("--surrogate", "net.py:make", "--threat", "linf"), "names no size"),
        (("--surrogate", "net.py:make", "--export", "gif"), "unknown kind of file 'gif'"),
        (("--surrogate", "nowhere.pt2"), "nowhere.pt2"),
        (("--surrogate", "mine.py:large"), "large does not take the samples"),
        (("--surrogate", "mine.py:make,size=big"), "size is in whole pixels"),
        (("--surrogate", "mine.py:make,side=8"), "knows no 'side'"),
        (("--surrogate", "net.py:make", "--wanted", "nxt"), "next, a class by number or name, or a file"),
        (("--surrogate", "net.py:make", "--wanted", "7"), "class 7 is wanted, but the models tell 4 classes"),
        (("--surrogate", "net.py:make", "--wanted", "few.txt"), "few.txt has no class on line 2"),
        (
            ("--surrogate", "net.py:make", "--wanted", "net.py"),
            "or a file of these, but got|has no class on line",
        ),
        (("--surrogate", "net.py:make", "--wanted", "next", "--queries", "9"), "give one of them"),
        (("--surrogate", "mine.py:make,classes=names.txt"), "have no names|no file of class names"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(transfer, project, words, sentence):
    (project / "few.txt").write_text("1\n")
    code, out, err = transfer(*words)
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert any(each in err for each in sentence.split("|"))


def test_a_surrogate_for_other_inputs_and_classes_is_mapped_as_stated(transfer, project):
    (project / "ours.txt").write_text("a\nb\nc\nd\n")
    (project / "theirs.txt").write_text("b\nc\nd\na\n")
    options = ("--classes", "ours.txt", "--gradients", 5, "--method", "mi", "--json")
    counted = []
    for words in ("mine.py:make", "mine.py:turned,scale=255,classes=theirs.txt"):
        code, out, err = transfer("--surrogate", words, *options)
        assert (code, err) == (0, "")
        counted.append([(line["fooled"], line["eligible"]) for line in json.loads(out)["body"]["lines"]])
    assert counted[0] == counted[1]
    code, _, err = transfer("--surrogate", "mine.py:large,size=16", *options)
    assert (code, err) == (0, "")


def test_surrogates_are_toughened_on_samples_that_are_not_attacked(transfer, project):
    code, _, err = transfer(
        "--surrogate", "mine.py:make", "--toughen", "--limit", 8, "--gradients", 4, "--method", "mi", "--json"
    )
    assert (code, err) == (0, "")
    lines = json.loads((project / "runs/transfer/result.json").read_text())["body"]["lines"]
    assert {line["surrogate"] for line in lines} == {"make", "tough-make"}
    code, _, err = transfer("--surrogate", "mine.py:make", "--toughen")
    assert code == 2 and "none is left to train on" in err


def test_surrogates_learn_to_withstand_a_quarter_of_the_threat(transfer, monkeypatch):
    import sparring.transfer

    sizes = []

    def noted(surrogate, samples, threat, **options):
        sizes.append(threat.eps)
        return surrogate.having(name="tough")

    monkeypatch.setattr(sparring.transfer, "toughened", noted)
    options = ("--toughen", "--limit", 8, "--gradients", 2, "--method", "mi")
    code, _, err = transfer("--surrogate", "mine.py:make", "--threat", "linf:8/255", *options)
    assert (code, err, sizes) == (0, "", [pytest.approx(2 / 255)])


def test_a_surrogate_is_not_toughened_against_a_threat_without_a_size(transfer):
    code, _, err = transfer("--surrogate", "mine.py:make", "--threat", "l2:min", "--toughen", "--limit", 8)
    assert code == 2 and "give a size" in err


def _wanted(transfer, project, *words):
    code, out, err = transfer(
        *("--surrogate", "net.py:make", "--threat", "linf:60/255", "--gradients", 20, "--method", "mi"),
        *words,
    )
    assert (code, err) == (0, "")
    return out, json.loads((project / "runs/transfer/result.json").read_text())


def test_examples_come_out_as_the_class_that_is_wanted(transfer, project):
    labels = np.load(project / "data.npz")["y"]
    out, document = _wanted(transfer, project, "--wanted", "next", "--export", "png")
    first = document["body"]["lines"][0]
    assert "as wanted" in out and document["body"]["wanted"] == "next"
    assert first["fooled"] / first["eligible"] > 0.9
    assert "beside_gradients" not in document["body"]
    sidecars = (project / "runs/transfer/examples").rglob("*.json")
    assert {json.loads(each.read_text())["wanted"] for each in sidecars} == {"next"}
    assert "come out as the wanted class" in (project / "runs/transfer/report.html").read_text()
    _, always = _wanted(transfer, project, "--wanted", 0)
    assert always["body"]["lines"][0]["eligible"] == int((labels != 0).sum())


def test_a_class_is_wanted_by_name_or_line_by_line(transfer, project):
    labels = np.load(project / "data.npz")["y"]
    (project / "names.txt").write_text("a\nb\nc\nd\n")
    (project / "each.txt").write_text("".join(f"{'abcd'[(label + 1) % 4]}\n" for label in labels))
    named = ("--classes", "names.txt", "--sample", 10)
    _, by_file = _wanted(transfer, project, *named, "--wanted", "each.txt")
    _, following = _wanted(transfer, project, *named, "--wanted", "next")
    assert by_file["body"]["lines"] == following["body"]["lines"]
    _, by_name = _wanted(transfer, project, *named, "--wanted", "c")
    _, by_number = _wanted(transfer, project, *named, "--wanted", "2")
    assert by_name["body"]["lines"] == by_number["body"]["lines"]
