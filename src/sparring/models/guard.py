"""Borrow a model: whatever happens inside `untouched`, it is bit for bit as before afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sparring.errors import ModelError
from sparring.models.behind import modules_behind

__all__ = ["untouched"]


class Kept(NamedTuple):
    """A parameter or buffer as it was."""

    tensor: Tensor
    values: Tensor
    requires_grad: bool
    grad: Tensor | None
    grad_values: Tensor | None


@contextmanager
def untouched(model: Callable[..., Any]) -> Iterator[None]:
    """Put every module behind `model` in evaluation mode, with gradients on, and leave no trace.

    Afterwards these are bit for bit as before, also after an exception: the mode of each module, parameters
    and
    buffers with their gradients and flags, the random states of torch (CPU and CUDA), numpy and Python, and
    the caller's grad or inference mode. Costs a copy of the model's tensors.

    Modes are set on the modules directly: `train()` and `eval()` may be overridden, or refused, as by
    exported programs.

    Raises:
        ModelError: If the model has parameters that are not made yet.
    """
    modules = modules_behind(model)
    with torch.inference_mode(mode=False), torch.enable_grad():
        restores = [_keep_random(), _keep_registry(modules), _keep_tensors(modules), _keep_modes(modules)]
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for restore in restores:
                restore()


Restore = Callable[[], None]


def _keep_modes(modules: list[nn.Module]) -> Restore:
    modes = [module.training for module in modules]

    def restore() -> None:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode

    return restore


def _keep_registry(modules: list[nn.Module]) -> Restore:
    """Keep which tensors the names stand for: `self.mean = ...` in a forward replaces a buffer."""
    tables = [table for module in modules for table in (module._parameters, module._buffers)]
    copies = [dict(table) for table in tables]

    def restore() -> None:
        for table, copy in zip(tables, copies, strict=True):
            if list(map(id, table.values())) != list(map(id, copy.values())) or list(table) != list(copy):
                table.clear()
                table.update(copy)  # type: ignore[arg-type]  # of the table's own kind

    return restore


def _keep_tensors(modules: list[nn.Module]) -> Restore:
    tensors = {
        id(tensor): tensor
        for module in modules
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None
    }
    if any(is_lazy(tensor) for tensor in tensors.values()):
        raise ModelError("the model has lazy parameters that are not made yet; run it once before the audit")
    kept = [_kept(tensor) for tensor in tensors.values()]

    def restore() -> None:
        for each in kept:
            _restore(each)

    return restore


def _kept(tensor: Tensor) -> Kept:
    grad = tensor.grad if tensor.is_leaf else None
    copy = None if grad is None else grad.detach().clone()
    return Kept(tensor, tensor.detach().clone(), tensor.requires_grad, grad, copy)


def _restore(kept: Kept) -> None:
    _write_back(kept.tensor, kept.values)
    if not kept.tensor.is_leaf:
        return
    if kept.tensor.requires_grad != kept.requires_grad:
        kept.tensor.requires_grad_(kept.requires_grad)
    if kept.tensor.grad is not kept.grad:
        kept.tensor.grad = kept.grad
    if kept.grad is not None and kept.grad_values is not None:
        _write_back(kept.grad, kept.grad_values)


def _write_back(tensor: Tensor, values: Tensor) -> None:
    """Write only what has changed: a write makes a new version, and breaks a graph that holds the old one."""
    if tensor.is_meta or _same_bits(tensor.detach(), values):
        return
    with torch.no_grad(), torch.inference_mode(tensor.is_inference()):
        if (tensor.shape, tensor.dtype, tensor.device) == (values.shape, values.dtype, values.device):
            tensor.copy_(values)
        else:
            tensor.data = values


def _same_bits(one: Tensor, other: Tensor) -> bool:
    """Equality that tells 0 from -0, and takes a NaN for itself."""
    if one.shape != other.shape or one.dtype != other.dtype or one.device != other.device:
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))


def _keep_random() -> Restore:
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    cuda_states = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def restore() -> None:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)

    return restore
