"""Boosted trees from the files of XGBoost (`.ubj`, `.json`) and LightGBM (`.txt`): margins, no gradients.

These files hold trees, no code.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from sparring.errors import MissingExtraError, ModelError
from sparring.models.digest import sha256_of
from sparring.models.files.estimators import Rows, relative, told_apart
from sparring.models.loaded import Loaded

__all__ = ["load_lightgbm", "load_xgboost"]

_NOTE = "the model is boosted trees: it gives scores (margins) but no gradients"
_ONE_LOGIT = ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic")
_EACH_CLASS = ("multi:softprob", "multi:softmax")


def load_xgboost(path: Path) -> Loaded:
    """Load what `Booster.save_model` or `XGBClassifier.save_model` wrote.

    Raises:
        MissingExtraError: XGBoost is not installed.
        ModelError: It is damaged, or no classifier.
    """
    if find_spec("xgboost") is None:
        raise MissingExtraError(f"reading {path.name}", "tabular")
    import xgboost

    try:
        booster = xgboost.Booster(model_file=str(path))
        objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path.name} is no model of XGBoost, or it is damaged; save it again by save_model"
        ) from error
    if objective not in (*_ONE_LOGIT, *_EACH_CLASS):
        raise ModelError(f"{path.name} is no classifier: its objective is {objective}")
    best = booster.attr("best_iteration")
    trees = (0, 0) if best is None else (0, int(best) + 1)

    def answers(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        margins = booster.inplace_predict(
            rows.astype(np.float32), predict_type="margin", iteration_range=trees, validate_features=False
        )
        return told_apart(margins) if objective in _ONE_LOGIT else relative(margins)

    stopped = (
        () if best is None else (f"trees up to the best iteration, {best}, answer, as in XGBClassifier",)
    )
    return _loaded(path, answers, booster.num_features(), stopped)


def load_lightgbm(path: Path) -> Loaded:
    """Load what `Booster.save_model` wrote.

    Raises:
        MissingExtraError: LightGBM is not installed.
        ModelError: It is no such file, damaged, or no classifier.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.startswith("tree\n"):
        raise ModelError(f"{path.name} is no model of LightGBM; save it by booster.save_model")
    if find_spec("lightgbm") is None:
        raise MissingExtraError(f"reading {path.name}", "tabular")
    import lightgbm

    objective = re.search(r"^objective=(\w+)", text, re.MULTILINE)
    kind = "" if objective is None else objective[1]
    if kind not in ("binary", "cross_entropy", "multiclass", "multiclassova"):
        raise ModelError(f"{path.name} is no classifier: its objective is {kind or 'not said'}")
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(
            f"{path.name} is a damaged model of LightGBM; save it again by save_model"
        ) from error

    def answers(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        margins = np.asarray(booster.predict(rows, raw_score=True, num_threads=0))
        return told_apart(margins) if margins.ndim == 1 else relative(margins)

    return _loaded(path, answers, booster.num_feature(), ())


def _loaded(path: Path, answers: Any, width: int, notes: tuple[str, ...]) -> Loaded:
    return Loaded(
        Rows(answers, width), sha256_of(path), gradients=False, outputs="logits", notes=(_NOTE, *notes)
    )
