import json
import shutil

import numpy as np
import pytest

TRAIN = """
[train]
data = "train.npz"
objective = "n-fgsm"
epochs = 2
minibatch = 20
"""


@pytest.fixture
def learner(project):
    """The project, with other images to learn from, labelled by the same net."""
    import torch

    from tests.cli import models

    grey = np.random.default_rng(7).integers(0, 256, (100, 1, 8, 8), dtype=np.uint8)
    labels = models.linear()(torch.from_numpy(grey).float() / 255).argmax(1).numpy()
    np.savez(project / "train.npz", x=grey, y=labels)
    return project


OPTIONS = (
    "--data",
    "train.npz",
    "--threat",
    "linf:2/255",
    "--epochs",
    "1",
    "--minibatch",
    "20",
    "--suite",
    "smoke",
)


def test_a_model_is_trained_and_audited(learner, sparring):
    code, out, _ = sparring("train", "--model", "net.py:make", *OPTIONS, "--averaging", "0.9", "--shift", "1")
    assert code == 0 and "held-out samples" in out and "MEASURED" in out
    folder = learner / "runs" / "train"
    document = json.loads((folder / "result.json").read_text())
    assert document["kind"] == "training" and document["body"]["audit"]["samples"] == 10
    assert "sparring train" in document["command"] and len(document["body"]["curve"]) == 2
    assert "audit/report.html" in (folder / "report.html").read_text()
    assert (folder / "audit" / "records.parquet").exists()
    code, out, _ = sparring(
        "audit", "--model", "net.py:make", "--weights", folder / "weights.safetensors", "--data", "data.npz",
        "--threat", "linf:2/255", "--suite", "smoke", "--json",
    )  # fmt: skip
    assert code == 0


def test_a_training_that_is_there_is_not_overwritten_but_gone_on_with(learner, sparring):
    words = ("train", "--model", "net.py:make", *OPTIONS)
    assert sparring(*words)[0] == 0
    weights = (learner / "runs" / "train" / "weights.safetensors").read_bytes()
    code, _, told = sparring(*words)
    assert code == 2 and "holds a training already; --resume goes on with it" in told
    assert sparring(*words, "--resume")[0] == 0
    assert (learner / "runs" / "train" / "weights.safetensors").read_bytes() == weights


def test_a_small_net_needs_no_model(learner, sparring):
    code, out, _ = sparring("train", "--model", "small", *OPTIONS, "--json")
    document = json.loads(out)
    assert code == 0 and document["body"]["model"]["file"] == "model.pt2"
    code, _, _ = sparring(
        "audit",
        "--model",
        "runs/train/model.pt2",
        "--data",
        "data.npz",
        "--threat",
        "linf:2/255",
        "--suite",
        "smoke",
    )
    assert code == 0


def test_the_file_says_what_no_option_says(learner, sparring):
    with (learner / "sparring.toml").open("a") as file:
        file.write(TRAIN)
    code, out, _ = sparring("train", "--json")
    body = json.loads(out)["body"]
    assert code == 0 and body["objective"] == "n-fgsm" and body["threat"] == "linf:2/255"
    assert body["data"] == {"source": body["data"]["source"], "learned": 90, "held_out": 10, "test": 30}
    shutil.rmtree(learner / "runs")
    body = json.loads(sparring("train", "--json", "--objective", "plain", "--epochs", "1")[1])["body"]
    assert body["objective"] == "plain" and body["settings"]["epochs"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "a training learns from other samples than an audit looks at"),
        (("--data", "train.npz", "--objective", "trade"), 'did you mean "trades"'),
        (("--data", "train.npz", "--precision", "float16"), "float32 or bfloat16, not in float16"),
        (("--data", "train.npz", "--minibatch", "500"), "fewer than the 500 of one update"),
        (
            ("--data", "train.npz", "--test", "train.npz"),
            "100 samples of the test are among those to learn from",
        ),
        (("--data", "train.npz", "--threat", "linf:min"), "changes of a given size"),
    ],
)
def test_bad_input_is_one_sentence(learner, sparring, words, told):
    code, _, error = sparring("train", *words)
    assert code == 2 and told in error and error.count("\n") == 1


def test_a_table_with_a_wrong_key_is_told_with_its_line(learner, sparring):
    with (learner / "sparring.toml").open("a") as file:
        file.write('[train]\nobjectiv = "pgd"\n')
    code, _, error = sparring("train")
    assert code == 2 and 'line 12: [train] has no key "objectiv"; did you mean "objective"?' in error
