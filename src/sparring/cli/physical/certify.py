"""`sparring physical certify`: how many pictures no patch of a size can change the answer to."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparring.cli.groups import Opening, Reading, taking
from sparring.cli.jobs import opened
from sparring.cli.options import ConfigPath, DataSource, Limit, ModelSource, SampleCount
from sparring.cli.physical.options import AsJson, pictured

if TYPE_CHECKING:
    from torch import Tensor

    from sparring.data import Samples
    from sparring.models import Model

__all__ = ["certify"]


@taking(Opening, Reading)
def certify(
    context: typer.Context,
    model: ModelSource = None,
    data: DataSource = None,
    size: Annotated[
        str, typer.Option("--patch", help="side of the largest patch, in pixels of the input")
    ] = "5 px",
    masks: Annotated[
        int, typer.Option(help="covering squares per axis; more certify more and cost more", min=2)
    ] = 6,
    limit: Limit = None,
    sample: SampleCount = None,
    config: ConfigPath = Path("sparring.toml"),
    as_json: AsJson = False,
) -> int:
    """Put PatchCleanser around a model, and count the pictures whose answer is certified.

    A certified picture is answered correctly whatever a square patch of this size shows, wherever it lies.

        sparring physical certify --model net.pt2 --data signs.npz --patch "5 px" --sample 200
    """
    from sparring.api import chosen

    loaded, whole = opened(pictured(context))
    counts = _counts(loaded, chosen(whole, limit, sample), size, masks)
    if as_json:
        sys.stdout.write(json.dumps(counts, indent=2) + "\n")
        return 0
    for name in ("plain", "cleansed", "certified"):
        told = counts[name]
        interval = f"({told['interval']['low']:.1%} to {told['interval']['high']:.1%})"
        sys.stdout.write(
            f"{name:10} {told['count']} of {counts['samples']} = {told['share']:.1%} {interval}\n"
        )
    return 0


def _counts(model: Model, samples: Samples, size: str, masks: int) -> dict[str, Any]:
    """Right as it is, right with covering squares, and certified."""
    import torch

    from sparring.errors import DataError
    from sparring.models import look, untouched
    from sparring.physical import PatchCleanser
    from sparring.physical.scene.units import parse_value

    shape = samples.domain.shape
    if not samples.domain.is_image or shape[1] != shape[2]:
        raise DataError(f"patches are certified on square pictures, but samples have shape {shape}")
    looked = look(model, samples.inputs, samples.labels)

    def asked(inputs: Tensor) -> Tensor:
        return looked(inputs.to(looked.device)).cpu()

    cleanser = PatchCleanser(asked, shape[1], round(parse_value(size, "pixels", "--patch")), masks)
    with untouched(looked), torch.no_grad():
        plain = torch.cat([asked(part).argmax(1) for part in samples.inputs.split(256)]) == samples.labels
        cleansed = cleanser.answers(samples.inputs) == samples.labels
        certified = cleanser.certified(samples.inputs, samples.labels)
    shares = {"plain": plain, "cleansed": cleansed, "certified": certified}
    return {"samples": len(samples), "patch": cleanser.patch, "masks": masks} | {
        name: _share(int(each.sum()), len(samples)) for name, each in shares.items()
    }


def _share(count: int, samples: int) -> dict[str, Any]:
    from sparring.evaluation.statistics import exact_interval

    return {"count": count, "share": count / samples, "interval": asdict(exact_interval(count, samples))}
