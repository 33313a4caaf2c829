"""A run of Sparring as a run of MLflow."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sparring.errors import DataError, MissingExtraError
from sparring.reports.ci.formats import write_reports
from sparring.storage import Run, save_run

__all__ = ["log_to_mlflow"]

FILES = ("report.html", "result.json", "records.parquet")


def log_to_mlflow(run: Run) -> str:
    """Log metrics, parameters, verdict and files of a run to MLflow.

    Where it goes is said to MLflow itself: `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME`, or its own functions.
    While an MLflow run is active, such as the training of the model, it becomes a child of that run.

    Args:
        run: What `audit`, `gate` or `load_run` returned.

    Returns:
        The id of the MLflow run.

    Raises:
        DataError: MLflow refused it, or cannot be reached.
        MissingExtraError: MLflow is not installed.
    """
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ModuleNotFoundError as error:
        raise MissingExtraError("logging to MLflow", "mlflow") from error
    result = run.result
    title = f"{result['model']['name']} under {result['threat']['text']}"
    try:
        with mlflow.start_run(run_name=title, nested=True) as started:
            mlflow.set_tags(
                {"sparring.verdict": run.verdict, "sparring.version": result["versions"]["sparring"]}
            )
            mlflow.log_params(_parameters(result))
            mlflow.log_metrics(_metrics(run))
            with TemporaryDirectory() as folder:
                for path in _written(run, Path(folder)):
                    mlflow.log_artifact(str(path))
    except (MlflowException, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"MLflow at {mlflow.get_tracking_uri()} did not take the run: {said}") from error
    return str(started.info.run_id)


def _written(run: Run, folder: Path) -> list[Path]:
    """The files that MLflow keeps, whether the run has a folder of its own or not."""
    save_run(run, folder)
    write_reports(run, folder, ["html"])
    return [folder / name for name in FILES]


def _parameters(result: dict[str, Any]) -> dict[str, Any]:
    """What was asked for; MLflow compares runs by it."""
    values = {
        "threat": result["threat"]["text"],
        "suite": result["suite"]["name"],
        "seed": result["seed"],
        "samples": result["samples"],
        "model": result["model"]["name"],
        "model_digest": result["model"].get("digest"),
        "data": result["data"]["source"],
        "data_digest": result["data"].get("digest"),
    }
    return {name: value for name, value in values.items() if value is not None}


def _metrics(run: Run) -> dict[str, float]:
    """What came out, and what it cost."""
    result, interval = run.result, run.result["interval"] or {}
    on_grid = result.get("robust_8bit")
    values = {
        "robust_accuracy": run.robust_accuracy,
        "robust_accuracy_low": interval.get("low"),
        "robust_accuracy_high": interval.get("high"),
        "robust_accuracy_8bit": None if on_grid is None else on_grid / max(run.samples, 1),
        "clean_accuracy": run.clean_accuracy,
        **{name: result.get(name) for name in ("forwards", "backwards", "queries", "seconds")},
    }
    return {name: float(value) for name, value in values.items() if value is not None}
