"""From a model and pictures to a patch on paper, with its controls."""

from __future__ import annotations

from functools import partial

from sparring.data import Samples
from sparring.errors import DataError
from sparring.models import Model
from sparring.physical.attacks.controls import controls_of
from sparring.physical.attacks.patch_attack import PatchAttack, fit_patch
from sparring.physical.channel.channel import Channel
from sparring.physical.runs.judging import Arms, Setting, Tell, here, judged_run, size_of, usable
from sparring.physical.runs.print_run import PrintRun

__all__ = ["make_print_run"]


def make_print_run(
    model: Model,
    learn: Samples,
    judge: Samples,
    setting: Setting,
    attack: PatchAttack | None = None,
    progress: Tell = lambda stage, progress: None,
    command: str | None = None,
) -> PrintRun:
    """Train a patch and its controls, and judge them before anything is printed.

    Objects that the model gets wrong as they are, and those whose class is the target, are left out: they would be
    successes for nothing. The patch goes on from one that was trained without the channel, which is a control, too:
    digital pictures teach it the rough pattern, the channel what survives. Cost: twice `attack.steps * attack.looks`
    forwards and backwards, and the looks at all levels.

    Args:
        model: From `load_model`; asked for inputs of the size that the samples have.
        learn: Objects that patches are trained on, square RGB.
        judge: Objects that they are judged on and printed on; none of `learn`.
        setting: Sizes, scenario and target.
        attack: How patches are trained.
        progress: Told the stage, and where it stands.
        command: What repeats it.

    Raises:
        DataError: The samples are no square pictures, or none is left.
        MissingExtraError: The extra `physical` is not installed.
        ModelError: The model fails on such inputs.
        UsageError: The target is no class of the model.
    """
    if size_of(learn) != size_of(judge):
        raise DataError(
            f"pictures to learn from have shape {learn.domain.shape}, those to judge on {judge.domain.shape}"
        )
    attack = attack or PatchAttack()
    return judged_run(
        model, judge, setting, lambda looked, _: _arms(looked, learn, setting, attack, progress), progress, command
    )  # fmt: skip


def _arms(model: Model, learn: Samples, setting: Setting, attack: PatchAttack, progress: Tell) -> Arms:
    """The picture as it is, the patch, the patch trained without the channel, and the controls."""
    asked, size = here(model), size_of(learn)
    learn = usable(asked, learn, setting.target)
    channel = Channel(setting.scenario, setting.placement.side, size, setting.seed)
    fitted = partial(
        fit_patch, asked, (learn.inputs, learn.labels), setting.placement,
        target=setting.target, size=size, attack=attack, seed=setting.seed,
    )  # fmt: skip
    unprotected = fitted(None, progress=partial(progress, "no channel"))
    patch = fitted(channel, begin=unprotected, progress=partial(progress, "patch"))
    passes = 2 * attack.steps * attack.looks
    made = {"none": None, "patch": patch, "no channel": unprotected, **controls_of(patch, setting.seed)}
    told = {"steps": attack.steps, "looks": attack.looks, "smooth": attack.smooth}
    return Arms("patch", made, told, forwards=passes, backwards=passes, trained_on=len(learn))
