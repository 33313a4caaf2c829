"""`sparring runs verify`: does a run agree with itself, and do its examples still hold?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sparring.cli.groups import Address, Opening, Reading, taking
from sparring.cli.jobs import opened
from sparring.cli.options import DataSource, ModelSource, StoreUrl
from sparring.cli.runs.options import RunsFolder, RunWord

if TYPE_CHECKING:
    from sparring.storage import Run

__all__ = ["verify"]

REFUTED, DAMAGED = 1, 2


@taking(Opening, Reading, Address)
def verify(
    context: typer.Context,
    run: RunWord,
    model: ModelSource = None,
    data: DataSource = None,
    runs: RunsFolder = Path("runs"),
    store: StoreUrl = None,
) -> int:
    """Hold the files of a run against each other, against their SHA-256, and against the audit log.

    With a model and data, every adversarial example is measured again, by code that shares nothing with the search:
    distance in float64, range, and the class that the model answers. Ends with 0 if all is well, 1 if examples do not
    hold, 2 if the folder was damaged or changed.

        sparring runs verify main --model net.pt2 --data test.npz
    """
    from sparring.errors import UsageError
    from sparring.storage import load_run
    from sparring.storage.index import found_run

    if (model is None) != (data is None):
        raise UsageError(
            "--model and --data go together: the examples of these samples are shown to this model"
        )
    loaded = load_run(found_run(run, runs, store))
    code = _told(loaded)
    return max(code, _measured(loaded, context.params)) if model is not None else code


def _told(run: Run) -> int:
    """Say what contradicts what."""
    from sparring.storage.audit_log import LOG, has_log, head, verify_log
    from sparring.storage.checking import contradictions
    from sparring.storage.sums import SUMS, changed_since

    assert run.folder is not None
    found = contradictions(run)
    found += [f"{LOG}: {problem}" for problem in verify_log(run.folder)] if has_log(run.folder) else []
    for sentence in found:
        sys.stdout.write(f"damaged: {sentence}\n")
    if found:
        return DAMAGED
    with_sums = "" if changed_since(run.folder) is None else f", and are as {SUMS} says"
    sys.stdout.write(f"whole: the files of {run.folder} agree with each other{with_sums}\n")
    if has_log(run.folder):
        sys.stdout.write(f"{LOG} is one chain, and ends with {head(run.folder)}\n")
    return 0


def _measured(run: Run, options: dict[str, Any]) -> int:
    """Measure again, and say what held."""
    from sparring.evaluation.remeasuring import remeasured

    found = remeasured(run, *opened(options))
    if not found.same_model:
        sys.stdout.write("note: this is another model than the one that was audited, as far as files tell\n")
    if found.absent:
        sys.stdout.write(f"note: the data lack {found.absent:,} of the samples\n")
    sys.stdout.write(f"{found.held:,} of {found.examples - found.absent:,} adversarial examples hold\n")
    for number in found.refuted[:20]:
        sys.stdout.write(f"  number {number} does not hold\n")
    return REFUTED if found.refuted else 0
