"""Pictures changed each for itself, and judged before anything is printed."""

from __future__ import annotations

from typing import Protocol

from sparring.data import Samples
from sparring.models import Model
from sparring.physical.runs.judging import Arms, Setting, Tell, judged_run, size_of
from sparring.physical.runs.print_run import PrintRun
from sparring.physical.scene.placement import whole_picture
from sparring.physical.scene.scenario import Scenario

__all__ = ["Change", "make_changed_run"]


class Change(Protocol):
    """A way to change pictures, such as `Perturbation` and `Illumination`."""

    def place(self, scenario: Scenario) -> Scenario:
        """Where the changed pictures are looked at."""
        ...

    def arms(self, model: Model, samples: Samples, setting: Setting, progress: Tell) -> Arms:
        """The changed pictures, and what they are compared with."""
        ...


def make_changed_run(
    model: Model,
    samples: Samples,
    side: float,
    scenario: Scenario,
    change: Change,
    *,
    target: int | None = None,
    photos: int = 6,
    seed: int = 0,
    progress: Tell = lambda stage, progress: None,
    command: str | None = None,
) -> PrintRun:
    """Change each picture, so that its print (or the object, lit) is misread by a camera's model, and judge that.

    Cost: what the change says, and the looks at all levels.

    Args:
        model: From `load_model`.
        samples: Square RGB pictures; those that the model gets wrong as they are, or of the target's class, are left
            out.
        side: Of the printed picture or the object, in mm.
        scenario: Where it is looked at.
        change: `Perturbation` for prints, `Illumination` for thrown light.
        target: The class that must come out; None for any wrong one.
        photos: Of each picture, when it is judged.
        seed: Of all draws.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square RGB pictures, or none is left.
        MissingExtraError: The extra `physical` is not installed.
        ModelError: The model fails on such inputs.
        UsageError: The target is no class of the model.
    """
    setting = Setting(whole_picture(side, size_of(samples)), change.place(scenario), target, photos, seed)
    return judged_run(
        model, samples, setting, lambda looked, left: change.arms(looked, left, setting, progress), progress, command
    )  # fmt: skip
