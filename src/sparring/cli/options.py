"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowUnsafe",
    "ClassNames",
    "ConfigPath",
    "Crop",
    "DataSource",
    "Device",
    "EngagementPath",
    "JsonFields",
    "LabelKey",
    "Limit",
    "Mean",
    "ModelSource",
    "Outputs",
    "QueryCount",
    "Resize",
    "SampleCount",
    "Std",
    "StoreUrl",
    "SuiteName",
    "SurrogateSource",
    "ThreatText",
    "Weights",
]

OPENING, READING, ADDRESS = "How the model is opened", "How data are read", "A model behind an address"
"""Parts of the help."""

ModelSource = Annotated[
    str | None,
    typer.Option(
        help="net.pt2, net.onnx, trees.ubj, trees.txt, estimator.skops, code.py:factory (naming code is consent to run "
        "it), or http://host/v2/models/NAME"
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="weights of such a factory: .safetensors, or .pth by weights_only", rich_help_panel=OPENING
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        help="per-channel mean, if normalisation is not inside the model: 0.485,0.456,0.406",
        rich_help_panel=OPENING,
    ),
]
Std = Annotated[
    str | None, typer.Option(help="per-channel standard deviation, likewise", rich_help_panel=OPENING)
]
Outputs = Annotated[
    str,
    typer.Option(
        help="what the model gives: auto, logits, probabilities, logit, labels", rich_help_panel=OPENING
    ),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1", rich_help_panel=OPENING)]
AllowUnsafe = Annotated[
    str | None,
    typer.Option(help="SHA-256 of a weights file that may run code when it is read", rich_help_panel=OPENING),
]
EngagementPath = Annotated[
    Path | None,
    typer.Option(
        "--engagement",
        help="file that allows to attack a model that is not on this machine",
        rich_help_panel=ADDRESS,
    ),
]
JsonFields = Annotated[
    str | None,
    typer.Option(
        "--json-fields",
        help="where inputs and outputs stand in the JSON of a service of your own: instances:predictions",
        rich_help_panel=ADDRESS,
    ),
]
DataSource = Annotated[
    str | None,
    typer.Option(help="samples.npz, table.parquet, a folder of images by class, or code.py:factory"),
]
ClassNames = Annotated[
    Path | None, typer.Option(help="class names, one per line, in label order", rich_help_panel=READING)
]
Resize = Annotated[
    int | None, typer.Option(help="folders: scale the short side to this", min=1, rich_help_panel=READING)
]
Crop = Annotated[
    int | None,
    typer.Option(help="folders: cut out the centre, this wide and high", min=1, rich_help_panel=READING),
]
LabelKey = Annotated[
    str | None, typer.Option(help="name of the array or column with the labels", rich_help_panel=READING)
]
Limit = Annotated[int | None, typer.Option(help="only the first N samples", min=1)]
SampleCount = Annotated[
    int | None, typer.Option(help="only N samples, drawn at random; gives an interval", min=1)
]
ThreatText = Annotated[
    str | None,
    typer.Option(
        help="linf:8/255, l2:0.5, l1:12, l0:24 (values), l0:24px (pixels), l0:3sq4 (4x4 squares), l2:min (smallest)"
    ),
]
SuiteName = Annotated[
    str,
    typer.Option(
        help="fast, standard (AutoAttack's stages), smoke (seconds, cannot show robustness), blackbox (scores only), "
        "labels (predicted classes only), or min-l2, min-linf, min-l1, min-l0 (smallest change)"
    ),
]
QueryCount = Annotated[
    int | None,
    typer.Option(
        "--queries",
        help="how often the model may be asked about a sample, for suites that read answers; the first look, the "
        "search and verification together",
        min=1,
    ),
]
SurrogateSource = Annotated[
    str | None,
    typer.Option(
        "--surrogate",
        help="a model of your own for the same classes, whose gradients say where the suite blackbox asks: net.pt2, or "
        "code.py:factory,weights.safetensors",
    ),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        envvar="SPARRING_STORE",
        help="database for the index and for leases: postgresql://user@host/name; default a file beside the runs",
    ),
]
ConfigPath = Annotated[
    Path, typer.Option(help="file that says what no option says; paths in it are relative to it")
]
