# ruff: noqa: E402  (what may be absent is asked for before it is imported)
"""Estimators and boosted trees: their classes are those that they predict themselves, and nothing in a file runs."""

import json
import pickle
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn", reason="needs pip install 'sparring[tabular]'")
pytest.importorskip("skops.io")
xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")

import skops.io
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import sparring
from sparring.errors import MissingExtraError, ModelError, UnsafeFileError, UsageError


def table(classes=3):
    rows, labels = make_classification(200, 6, n_informative=4, n_classes=classes, random_state=0)
    return rows.astype(np.float32), labels


ESTIMATORS = {
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "forest": RandomForestClassifier(6, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=5, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "ridge": RidgeClassifier(),
    "bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(3),
    "votes": VotingClassifier([("a", GaussianNB()), ("b", RidgeClassifier())]),
    "svc": SVC(random_state=0),
}
LABELS_ONLY = {("votes", 2), ("votes", 3), ("svc", 3)}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("classes", [2, 3])
def test_an_estimator_answers_as_it_predicts(tmp_path, name, classes):
    rows, labels = table(classes)
    estimator = ESTIMATORS[name].fit(rows, labels)
    skops.io.dump(estimator, tmp_path / "model.skops")
    model = sparring.load_model(tmp_path / "model.skops")
    outputs = model(torch.from_numpy(rows))
    assert outputs.shape == (200, classes) and outputs.dtype == torch.float32
    assert outputs.argmax(1).tolist() == estimator.predict(rows).tolist()
    assert model.scores is ((name, classes) not in LABELS_ONLY)
    assert not model.gradients
    assert model.digest == sha256((tmp_path / "model.skops").read_bytes()).hexdigest()
    assert sparring.load_model(estimator)(torch.from_numpy(rows)).equal(outputs), "the object itself"


def test_scores_keep_what_float64_tells_apart():
    class Close:
        classes_ = np.arange(2)

        def predict(self, rows):
            raise AssertionError("probabilities say it")

        def predict_proba(self, rows):
            return np.full((len(rows), 2), 0.5) + np.array([-1e-12, 1e-12])

    assert sparring.load_model(Close())(torch.zeros(3, 4)).argmax(1).tolist() == [1, 1, 1]


def test_other_names_of_classes_are_told():
    rows, labels = table(2)
    model = sparring.load_model(RidgeClassifier().fit(rows, np.array(["ham", "spam"])[labels]))
    assert "ham, spam, in this order" in " ".join(model.notes)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("ending", ["ubj", "json"])
def test_xgboost_answers_as_it_predicts(tmp_path, classes, ending):
    rows, labels = table(classes)
    trees = xgboost.XGBClassifier(n_estimators=8, max_depth=3, random_state=0).fit(rows, labels)
    trees.save_model(tmp_path / f"model.{ending}")
    model = sparring.load_model(tmp_path / f"model.{ending}")
    outputs = model(torch.from_numpy(rows))
    assert outputs.argmax(1).tolist() == trees.predict(rows).tolist()
    assert torch.allclose(outputs.softmax(1), torch.from_numpy(trees.predict_proba(rows)), atol=1e-5)


def test_xgboost_that_stopped_early_answers_up_to_its_best_iteration(tmp_path):
    rows, labels = table(2)
    trees = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=0.9, random_state=0)
    trees.fit(rows[:100], labels[:100], eval_set=[(rows[100:], labels[100:])], verbose=False)
    trees.save_model(tmp_path / "model.ubj")
    model = sparring.load_model(tmp_path / "model.ubj")
    expected = trees.predict_proba(rows)
    assert torch.allclose(model(torch.from_numpy(rows)).softmax(1), torch.from_numpy(expected), atol=1e-5)
    assert "best iteration" in " ".join(model.notes)


@pytest.mark.parametrize("classes", [2, 3])
def test_lightgbm_answers_as_it_predicts(tmp_path, classes):
    rows, labels = table(classes)
    objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": 3}
    params = {**objective, "verbosity": -1, "num_threads": 1, "seed": 0}
    booster = lightgbm.train(params, lightgbm.Dataset(rows, labels), num_boost_round=5)
    booster.save_model(tmp_path / "model.txt")
    model = sparring.load_model(tmp_path / "model.txt")
    shares = booster.predict(rows)
    expected = (shares > 0.5).astype(int) if classes == 2 else shares.argmax(1)
    assert model(torch.from_numpy(rows)).argmax(1).tolist() == expected.tolist()


class Odd:
    """A type that skops does not know."""


class Runs:
    def __reduce__(self):
        return (sys.exit, ("the pickle ran",))


def test_types_that_nobody_vouches_for_are_refused_unless_the_file_is_named(tmp_path):
    rows, labels = table(2)
    path = tmp_path / "model.skops"
    pipeline = make_pipeline(FunctionTransformer(_same), RidgeClassifier()).fit(rows, labels)
    skops.io.dump(pipeline, path)
    with pytest.raises(UnsafeFileError, match="nobody vouches for"):
        sparring.load_model(path)
    with pytest.raises(UnsafeFileError):
        sparring.load_model(path, allow_unsafe_sha256="0" * 64)
    model = sparring.load_model(path, allow_unsafe_sha256=sha256(path.read_bytes()).hexdigest())
    assert model(torch.from_numpy(rows)).argmax(1).tolist() == pipeline.predict(rows).tolist()


def _same(rows):
    return rows


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pickle", "model.sav"])
def test_a_pickle_is_refused_with_the_command_that_converts_it(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Runs()))
    with pytest.raises(UnsafeFileError, match=r"s\.dump\(joblib\.load\('model\.\w+'\), 'model\.skops'\)"):
        sparring.load_model(tmp_path / name)


def xgb_regression(path):
    rows, labels = table(2)
    xgboost.XGBRegressor(n_estimators=2).fit(rows, labels).save_model(path)


def lgb_regression(path):
    rows, labels = table(2)
    data = lightgbm.Dataset(rows, labels)
    lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, data, 2).save_model(path)


def skops_regression(path):
    skops.io.dump(LinearRegression().fit(*table(2)), path)


FAULTS = {
    "xgboost, no classifier": (
        "model.ubj",
        xgb_regression,
        "no classifier: its objective is reg:squarederror",
    ),
    "xgboost, damaged": (
        "model.ubj",
        lambda path: path.write_bytes(b"{L\x00nonsense"),
        "no model of XGBoost",
    ),
    "xgboost, other json": (
        "model.json",
        lambda path: path.write_text(json.dumps({"a": 1})),
        "no model of XGBoost",
    ),
    "lightgbm, no classifier": ("model.txt", lgb_regression, "no classifier: its objective is regression"),
    "lightgbm, other text": ("model.txt", lambda path: path.write_text("hello"), "no model of LightGBM"),
    "skops, no classifier": ("model.skops", skops_regression, "LinearRegression predicts no classes"),
    "skops, damaged": (
        "model.skops",
        lambda path: path.write_bytes(b"PK\x03\x04"),
        "cannot be read by skops",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_no_classifier_is_told_in_a_sentence(tmp_path, case):
    name, write, said = FAULTS[case]
    write(tmp_path / name)
    with pytest.raises(ModelError, match=said):
        sparring.load_model(tmp_path / name)


@pytest.mark.parametrize("name", ["model.ubj", "model.txt", "model.skops"])
def test_a_missing_package_is_named_with_its_command(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text("tree\n")
    for module in ("boosters", "skops_file"):
        monkeypatch.setattr(f"sparring.models.files.{module}.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparring\[tabular\]'"):
        sparring.load_model(tmp_path / name)


def test_rows_of_another_width_are_refused(tmp_path):
    model = sparring.load_model(GaussianNB().fit(*table(2)))
    with pytest.raises(ModelError, match="rows of 6 columns, but the samples have shape"):
        model(torch.zeros(2, 5))


def test_suites_that_need_more_than_there_is_are_refused():
    rows, labels = table(3)
    forest = ESTIMATORS["forest"].fit(rows, labels)
    with pytest.raises(ModelError, match="gives no gradients"):
        sparring.audit(forest, (rows, labels), "linf:0.1", "standard")
    with pytest.raises(ModelError, match="answers with classes only, and apgd-or-square of"):
        sparring.audit(ESTIMATORS["svc"].fit(rows, labels), (rows, labels), "linf:0.1", "blackbox")


def test_a_class_that_the_data_do_not_have_ends_no_audit():
    """It shows only away from the clean samples, so the first look cannot know of it."""
    images = torch.linspace(0.1, 0.4, 12)[:, None, None, None].expand(12, 1, 2, 2)

    def model(inputs):
        first, second = inputs.flatten(1)[:, :2].unbind(1)
        return torch.where(first != second, 7, (first > 0.5).long())

    run = sparring.audit(model, (images, model(images)), "linf:0.05", "labels", queries=40)
    assert run.verdict == "measured" and run.result["robust"] < 12, "as any other class"
    assert any("classes only" in note for note in run.result["model"]["notes"])


def test_classes_alone_are_recognised():
    samples = torch.rand(20, 4), torch.arange(20) % 3
    model = sparring.load_model(lambda inputs: (inputs[:, 0] * 3).long())
    with pytest.raises(ModelError, match="classes only"):
        sparring.audit(model, samples, "linf:0.1", "blackbox")
    with pytest.raises(ModelError, match=r"answers with 7.* none of the 3 classes"):
        sparring.load_model(lambda inputs: torch.full((len(inputs),), 7), outputs="labels:3")(samples[0])
    with pytest.raises(UsageError, match="no kind of outputs"):
        sparring.load_model(lambda inputs: inputs, outputs="labels:many")
