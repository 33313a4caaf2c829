"""`sparring audit`: attack a model, verify what was found, write the run folder."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sparring.storage import Run

__all__ = ["audit", "finish"]


def audit(
    model: Annotated[
        str, typer.Option(help="net.pt2, net.onnx, or code.py:factory (naming code is consent to run it)")
    ],
    data: Annotated[
        str, typer.Option(help="samples.npz, table.parquet, a folder of images by class, or code.py:factory")
    ],
    threat: Annotated[str, typer.Option(help="linf:8/255, l2:0.5, l1:12, l0:24 (values), l0:24px (pixels)")],
    suite: Annotated[
        str, typer.Option(help="standard (AutoAttack's stages) or smoke (seconds, cannot show robustness)")
    ] = "standard",
    limit: Annotated[int | None, typer.Option(help="only the first N samples", min=1)] = None,
    sample: Annotated[
        int | None, typer.Option(help="only N samples, drawn at random; gives an interval", min=1)
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="weights for code.py:factory: .safetensors, or .pth by weights_only")
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(help="per-channel mean, if normalisation is not inside the model: 0.485,0.456,0.406"),
    ] = None,
    std: Annotated[str | None, typer.Option(help="per-channel standard deviation, likewise")] = None,
    outputs: Annotated[
        str, typer.Option(help="what the model gives: auto, logits, probabilities, logit")
    ] = "auto",
    classes: Annotated[Path | None, typer.Option(help="class names, one per line, in label order")] = None,
    resize: Annotated[int | None, typer.Option(help="folders: scale the short side to this", min=1)] = None,
    crop: Annotated[
        int | None, typer.Option(help="folders: cut out the centre, this wide and high", min=1)
    ] = None,
    labels: Annotated[str | None, typer.Option(help="name of the array or column with the labels")] = None,
    batch: Annotated[
        int, typer.Option(help="most samples at once; a matter of memory, changes no result", min=1)
    ] = 64,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1")] = None,
    precision: Annotated[str, typer.Option(help="of the search: float32, bfloat16, float16")] = "float32",
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    out: Annotated[Path | None, typer.Option(help="run folder; default runs/<time>-<model>")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with an unfinished run of the same plan, if there is one")
    ] = False,
    allow_unsafe: Annotated[
        str | None, typer.Option(help="SHA-256 of a weights file that may run code when it is read")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print result.json instead of a summary")] = False,
) -> int:
    """Find out how many samples withstand an attacker, and keep the proof.

    Writes a run folder with a report. Nothing counts as broken until it was measured again.

        sparring audit --model net.pt2 --data test.npz --threat linf:8/255 --sample 1000
    """
    import sparring
    from sparring.cli.live import watching
    from sparring.errors import Interrupted

    loaded = sparring.load_model(
        model, weights=weights, mean=_numbers(mean, "mean"), std=_numbers(std, "std"),
        outputs=outputs, device=device, allow_unsafe_sha256=allow_unsafe,
    )  # fmt: skip
    samples = sparring.load_data(data, classes=classes, resize=resize, crop=crop, labels=labels)
    options: dict[str, Any] = {
        "limit": limit,
        "sample": sample,
        "seed": seed,
        "batch": batch,
        "precision": precision,
        "out": out,
        "runs": "runs",
        "resume": resume,
    }
    try:
        with watching(f"{loaded.name} under {threat}") as watch:
            run = sparring.audit(
                loaded, samples, threat, suite, command=shlex.join(["sparring", *sys.argv[1:]]),
                watch=watch, **options,
            )  # fmt: skip
    except Interrupted as stop:
        finish(stop.findings, as_json)  # type: ignore[arg-type]
        raise
    return finish(run, as_json)


def finish(run: Run, as_json: bool) -> int:
    """Print the summary, or the result for machines; the exit code of its verdict."""
    from rich.console import Console

    from sparring.reports import summary

    if as_json:
        sys.stdout.write(json.dumps(run.result, indent=2, ensure_ascii=False) + "\n")
    else:
        Console().print(summary(run))
    return {"measured": 0, "pass": 0, "fail": 1, "inconclusive": 3, "invalid": 4, "incomplete": 5}[
        run.verdict
    ]


def _numbers(text: str | None, name: str) -> list[float] | None:
    """Numbers that were typed with commas between them."""
    if text is None:
        return None
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        from sparring.errors import UsageError

        raise UsageError(
            f"--{name} takes numbers with commas between them, such as 0.5,0.5,0.5, but got {text!r}"
        ) from None
