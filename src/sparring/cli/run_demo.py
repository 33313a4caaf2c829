"""`sparring demo`: two small nets, one trained plainly and one adversarially, audited side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]

THREAT = "linf:0.3"


def demo(
    out: Annotated[Path, typer.Option(help="folder for the two runs and the report")] = Path("runs/demo"),
    limit: Annotated[int, typer.Option(help="how many held-out images to attack", min=1, max=1000)] = 100,
) -> int:
    """Audit two small nets on real images, side by side, in under a minute.

    Both classify handwritten digits equally well. One was trained adversarially.
    """
    import torch
    from rich.console import Console

    import sparring
    from sparring.attacks import suites
    from sparring.cli.live import watching
    from sparring.demo import nets
    from sparring.reports import render_comparison, summary
    from sparring.storage.files import replacing

    torch.set_num_threads(1)  # the nets are so small that more threads would only wait for each other
    console, runs = Console(), []
    for name, net in (("plain", nets.plain()), ("robust", nets.robust())):
        model = sparring.load_model(net).having(name=name)
        with watching(f"{name} net under {THREAT}") as watch:
            run = sparring.audit(
                model, nets.images(limit), THREAT, suites.standard[:2], runs=out, watch=watch
            )
        console.print(summary(run))
        runs.append(run)
    with replacing(out / "report.html") as path:
        path.write_text(render_comparison(runs), encoding="utf-8")
    console.print(f"Both nets side by side: {(out / 'report.html').resolve()}")
    return 0
