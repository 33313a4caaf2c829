"""The folder of a run on paper: what was made, what was printed, what came back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sparring.errors import DataError
from sparring.physical.paper.sheet import Sheet, lay_out
from sparring.physical.paper.sheet_id import run_number
from sparring.physical.scene.placement import Placement, place_patch
from sparring.physical.scene.scenario import Scenario
from sparring.physical.scene.units import Range
from sparring.storage import replacing
from sparring.storage.envelope import write_result

__all__ = ["Print", "PrintRun", "load_print_run", "number_of", "save_print_run"]

RESULT, ARRAYS = "result.json", "prints.safetensors"


@dataclass(frozen=True)
class Print:
    """One picture that is printed: which arm on which object."""

    arm: str
    subject: int


@dataclass(frozen=True)
class PrintRun:
    """A patch with its controls, the objects that they are judged on, and everything measured.

    Attributes:
        envelope: What `result.json` says around its `body`, as in every room.
        facts: The body; see `docs/physical.md`.
        arms: Patches by name, `(3 | 4, down, across)`, or one for each object, `(N, 3, down, across)`; None is the
            picture as it is.
        inputs: The objects `(N, 3, H, W)`.
        captured: What the model saw of the prints in photos `(n, 3, size, size)`, in the order of the captures.
        folder: Where it is stored, if it is.
    """

    envelope: Mapping[str, Any]
    facts: Mapping[str, Any]
    arms: Mapping[str, Tensor | None]
    inputs: Tensor
    captured: Tensor | None = None
    folder: Path | None = None

    @property
    def placement(self) -> Placement:
        return Placement(**self.facts["placement"])

    @property
    def scenario(self) -> Scenario:
        told = self.facts["scenario"]
        ranges = {name: tuple(Range(*each) for each in values) for name, values in told["ranges"].items()}
        return Scenario(told["name"], ranges)

    @property
    def number(self) -> int:
        """What the fiducials of its sheets carry."""
        return int(self.facts["run"])

    @property
    def labels(self) -> Tensor:
        return torch.tensor([each["label"] for each in self.facts["objects"]])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each["id"] for each in self.facts["objects"])

    @property
    def covered(self) -> float:
        """The share of a picture that the patch covers."""
        arm = self.arms[self.facts["main"]]
        if arm is None or arm.shape[-3] == 3:
            return self.placement.share
        return self.placement.share * float(arm[..., 3, :, :].mean())

    @property
    def prints(self) -> tuple[Print, ...]:
        """What is printed, in the order of the sheets: all arms of one object, then those of the next."""
        arms, objects = self.facts["printed"]["arms"], self.facts["printed"]["objects"]
        return tuple(Print(arm, subject) for subject in range(objects) for arm in arms)

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """The pages; none before `sparring physical sheet`."""
        if "printed" not in self.facts:
            return ()
        page, side = self.facts["printed"]["page"], self.placement.side
        return lay_out(len(self.prints), side, self.number, page)

    def picture(self, printed: Print) -> Image.Image:
        """A picture as it goes to the printer, 8-bit RGB."""
        row = self.inputs[printed.subject : printed.subject + 1]
        arm = self.arms[printed.arm]
        own = arm if arm is None or arm.ndim == 3 else arm[printed.subject]
        pixels = place_patch(row, own, self.placement)[0]
        return Image.fromarray((pixels * 255).round().byte().movedim(0, -1).numpy())

    def having(self, **facts: Any) -> PrintRun:
        """A run with some facts changed."""
        return replace(self, facts={**self.facts, **facts})


def save_print_run(run: PrintRun, folder: Path) -> PrintRun:
    """Write a run folder, each file whole or not at all.

    Raises:
        DataError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made: {error.strerror or error}") from error
    arrays = {f"arm/{name}": patch for name, patch in run.arms.items() if patch is not None}
    arrays |= {"inputs": run.inputs} | ({} if run.captured is None else {"captured": run.captured})
    with replacing(folder / ARRAYS) as path:
        save_file({name: values.contiguous() for name, values in arrays.items()}, path)
    write_result({**run.envelope, "body": run.facts}, folder)
    return replace(run, folder=folder)


def load_print_run(folder: str | Path) -> PrintRun:
    """Read a run folder.

    Raises:
        DataError: It is none, or its files are damaged.
    """
    folder = Path(folder)
    try:
        document = json.loads((folder / RESULT).read_text("utf-8"))
        facts = document.pop("body") if document.get("kind") == "physical" else None
    except FileNotFoundError:
        facts = None
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder / RESULT} is damaged: {error}") from error
    if facts is None:
        raise DataError(f"{folder} holds no run on paper; make one with: sparring physical patch")
    try:
        arrays = load_file(folder / ARRAYS)
        arms = {name: arrays.get(f"arm/{name}") for name in facts["arms"]}
        run = PrintRun(document, facts, arms, arrays["inputs"], arrays.get("captured"), folder)
        run.placement, run.labels, run.number  # noqa: B018  # missing facts show here
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataError(f"{folder} is damaged: {' '.join(str(error).split())[:200]}") from error
    return run


def number_of(facts: Mapping[str, Any]) -> int:
    """The number of a run, from everything that makes its prints what they are."""
    made = {name: facts[name] for name in ("model", "placement", "scenario", "target", "objects", "made")}
    return run_number(json.dumps(made, sort_keys=True))
