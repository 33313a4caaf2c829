"""`sparring detect fit`: a detector from clean samples, written into a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.detect.options import AsJson, Batch, Seed, opened_view
from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.detect import Detector, View
    from sparring.detect.scores import Score

__all__ = ["fit"]


@taking(Opening, Reading)
def fit(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    scores: Annotated[
        str, typer.Option(help="with commas between them: energy, mahalanobis, …; the largest counts")
    ] = "energy,mahalanobis",
    attack: Annotated[
        str | None,
        typer.Option(
            help="weigh the scores by an attack under this threat, linf:8/255, on an eighth of the samples"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the detector")] = Path("detector"),
    limit: Limit = None,
    sample: SampleCount = None,
    batch: Batch = 64,
    seed: Seed = 0,
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Fit a detector on clean samples, and calibrate it on others of them.

    Half of the samples fit the scores, an eighth brings them to one scale, the rest calibrates what comes out. The
    samples must be drawn as the inputs to come will be. The model of `sparring.toml` is taken if none is given.

        sparring detect fit --model net.pt2 --data validation.npz --scores energy,mahalanobis --out detector
    """
    from sparring.cli.jobs import job_of
    from sparring.detect import fit_detector, save_detector
    from sparring.errors import UsageError
    from sparring.models import untouched

    if data is None:
        raise UsageError(
            "a detector learns from other samples than it is tested on; give them as --data validation.npz"
        )
    settings = _asked(scores)
    view, looked, samples = opened_view(job_of(context))
    with untouched(looked):
        attacker = None if attack is None else _attacker(view, samples, attack, seed)
        detector = fit_detector(view, samples, settings, attacker=attacker, digest=looked.digest, seed=seed)
    save_detector(detector, out)
    told = _told(detector, out)
    if as_json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        sys.stdout.write(
            f"{out}: {', '.join(told['scores'])}, calibrated on {told['calibration']} clean samples\n"
            f"lowest rate of false alarms that it can promise: {told['lowest_rate']:.2%} on average, "
            f"{told['lowest_rate_sure']:.2%} with a chance of 95%\n"
        )
    return 0


def _asked(names: str) -> dict[str, Score]:
    """Scores by name, with their defaults."""
    from sparring.detect import SCORES
    from sparring.errors import UsageError, nearest

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in SCORES:
            raise UsageError(f"unknown score {name!r}; {nearest(name, SCORES)}")
    return {name: SCORES[name]() for name in wanted}


def _attacker(view: View, samples: Samples, threat: str, seed: int) -> Any:
    from sparring.detect.attackers import unaware_attacker
    from sparring.threat import parse_threat

    return unaware_attacker(view, parse_threat(threat), samples.domain, seed)


def _told(detector: Detector, out: Path) -> dict[str, Any]:
    count = len(detector.calibration)
    return {
        "detector": str(out),
        "scores": list(detector.names),
        "weights": None
        if detector.weights is None
        else [round(each, 4) for each in detector.weights.tolist()],
        "calibration": count,
        "lowest_rate": 1 / (count + 1),
        "lowest_rate_sure": 1 - 0.05 ** (1 / count),
        "shape": list(detector.domain.shape),
    }
