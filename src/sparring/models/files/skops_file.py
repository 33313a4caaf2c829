"""`.skops`: estimators of scikit-learn without pickle; types that nobody vouches for are refused."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sparring.errors import MissingExtraError, ModelError, UnsafeFileError
from sparring.models.digest import sha256_of
from sparring.models.files.estimators import load_estimator
from sparring.models.loaded import Loaded

__all__ = ["PICKLES", "load_skops", "refuse_pickle"]

VOUCHED = frozenset(
    """
    sklearn.tree._tree.Tree sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor sklearn.utils._bunch.Bunch
    sklearn.neighbors._kd_tree.KDTree sklearn.neighbors._ball_tree.BallTree
    sklearn.metrics._dist_metrics.EuclideanDistance64 sklearn.neural_network._stochastic_optimizers.AdamOptimizer
    sklearn.neural_network._stochastic_optimizers.SGDOptimizer sklearn.calibration._CalibratedClassifier
    sklearn.calibration._SigmoidCalibration
    """.split()  # noqa: SIM905  (words read better without quotes)
)
"""Parts of estimators that skops does not know: they hold numbers and names, and call nothing that a file names."""

PICKLES = (".pkl", ".pickle", ".joblib", ".sav")


def load_skops(path: Path, allow_unsafe_sha256: str | None = None) -> Loaded:
    """Load an estimator that `skops.io.dump` wrote.

    Raises:
        MissingExtraError: skops is not installed.
        ModelError: The file is damaged, or holds no classifier.
        UnsafeFileError: It holds types outside scikit-learn, numpy and scipy, and its SHA-256 was not named.
    """
    if find_spec("skops") is None:
        raise MissingExtraError(f"reading {path.name}", "tabular")
    from skops import io

    digest = sha256_of(path)
    types = _read(path, lambda: io.get_untrusted_types(file=path))
    unknown = sorted(set(types) - VOUCHED)
    if unknown and digest != allow_unsafe_sha256:
        raise UnsafeFileError(
            f"{path.name} holds {', '.join(unknown[:5])}, which nobody vouches for; name the SHA-256 of the file if "
            f"you trust it: {digest}"
        )
    return load_estimator(_read(path, lambda: io.load(path, trusted=types)), digest)


def _read(path: Path, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Exception as error:  # zip, JSON and constructors of estimators fail in many ways
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{path.name} cannot be read by skops ({reason}); save it again by skops.io.dump"
        ) from error


def refuse_pickle(path: Path) -> UnsafeFileError:
    """What is said of a pickled estimator: reading it can run code."""
    return UnsafeFileError(
        f"{path.name} is a pickle, which can run code when it is read; convert it where you trust it: python -c "
        f"\"import joblib, skops.io as s; s.dump(joblib.load('{path.name}'), '{path.stem}.skops')\""
    )
