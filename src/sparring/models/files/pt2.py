"""`.pt2`: programs saved by `torch.export.save`, loaded without running code that they carry."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from sparring.errors import ModelError
from sparring.models.batches import AnyBatch
from sparring.models.files.archive import rebuilt
from sparring.models.loaded import Loaded

__all__ = ["load_pt2"]

# Operators that behave otherwise in training, with the place of the argument that says so.
TRAINING_ARGUMENT = {
    torch.ops.aten.batch_norm.default: 5,
    torch.ops.aten.dropout.default: 2,
    torch.ops.aten.dropout_.default: 2,
    torch.ops.aten.feature_dropout.default: 2,
    torch.ops.aten.alpha_dropout.default: 2,
}


def load_pt2(
    path: Path, device: torch.device | None = None, allow_unsafe_sha256: str | None = None
) -> Loaded:
    """Load an exported program with one input; any batch size works, and it is in evaluation mode.

    Args:
        path: The file.
        device: Where to put it, None for where it was saved.
        allow_unsafe_sha256: SHA-256 of the file if it may run code when it is read.

    Raises:
        ModelError: If it is damaged, or not a model of one input.
        UnsafeFileError: If reading it could run code, and its SHA-256 was not named.
    """
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    # The bytes that were hashed are the bytes that are read, even if the file changes meanwhile.
    trusted = digest == allow_unsafe_sha256
    program = _deserialised(BytesIO(content) if trusted else rebuilt(content, path.name), path.name, trusted)
    least, most = _batch_sizes(program, path.name)
    if device is not None:
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    module, notes = _evaluating(program)
    if most is None and least <= 1:
        return Loaded(module, digest, notes=notes)
    sizes = f"of {least} rows" if least == most else f"of {least} to {most or 'any number of'} rows"
    notes += (f"the program takes batches {sizes}: others are cut and filled up",)
    return Loaded(AnyBatch(module, least, most or 2**31), digest, notes=notes)


def _deserialised(archive: BytesIO, file: str, trusted: bool) -> ExportedProgram:
    # Not torch.export.load: after a failure it tries again with an older format, whose members are pickles.
    from torch.export.pt2_archive._package import load_pt2 as read_archive

    try:
        if trusted:
            return torch.export.load(archive)
        programs = list(read_archive(archive).exported_programs.values())
    except Exception as error:
        line = " ".join(str(error).split())[-200:]
        raise ModelError(
            f"{file} cannot be read by torch {torch.__version__}: {type(error).__name__}: {line}"
        ) from error
    if len(programs) != 1:
        raise ModelError(f"{file} holds {len(programs)} programs; save one by torch.export.save")
    return programs[0]


def _batch_sizes(program: ExportedProgram, file: str) -> tuple[int, int | None]:
    """Smallest and largest batch that a program takes; None for no largest."""
    names = program.graph_signature.user_inputs
    if len(names) != 1:
        raise ModelError(f"{file} takes {len(names)} inputs; export a model of one input, the batch")
    (value,) = (
        node.meta.get("val")
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name == names[0]
    )
    if not isinstance(value, torch.Tensor) or not value.ndim:
        raise ModelError(
            f"{file} does not take a tensor as its input; export a model of one input, the batch"
        )
    rows = value.shape[0]
    if isinstance(rows, int):
        return rows, rows
    bounds = program.range_constraints.get(rows.node.expr)
    if bounds is None:
        return 1, None
    return max(1, int(bounds.lower)), int(bounds.upper) if bounds.upper.is_Integer else None


def _evaluating(program: ExportedProgram) -> tuple[nn.Module, tuple[str, ...]]:
    """Unpack a program; what was exported in training mode is switched to evaluation, node by node."""
    # The guards would be Python code to execute; without them the shapes are still checked.
    module: Any = program.module(check_guards=False)
    # torch blocks both on exported programs. Setting a flag that nothing reads is harmless.
    del module.train, module.eval
    switched = sum(_switch_off(node) for node in module.graph.nodes if node.op == "call_function")
    if not switched:
        return module, ()
    module.recompile()
    return module, ("it was exported in training mode: dropout and batch-norm were switched to evaluation",)


def _switch_off(node: torch.fx.Node) -> bool:
    place = TRAINING_ARGUMENT.get(node.target)  # type: ignore[call-overload]  # a target may be text
    if place is None or len(node.args) <= place or node.args[place] is not True:
        return False
    node.update_arg(place, False)
    return True
