"""A stand-in whose gradients get past what stops them: backward pass differentiable approximation (BPDA).

Athalye, Carlini & Wagner 2018 (https://arxiv.org/abs/1802.00420): where a step of a model gives no useful
gradient, go forward through the step itself and backward through something like it. The stand-in answers as the
model does, but for logarithms of a softmax, which it gives where the model's own have run out of digits. Backwards,
rounding and signs count as the identity, saturated functions keep a slope, `detach` and `no_grad` cut nothing, and
what was computed outside of torch is taken for a copy of the last thing that entered. It only proposes points:
success is what the model itself says of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from sparring.models.stand_ins.bridges import bridge
from sparring.models.stand_ins.unoptimised import STEPS

__all__ = ["OPTIMISATION", "StraightThrough", "stops", "straight_through"]

FLAT = frozenset({"round", "floor", "ceil", "trunc", "fix", "sign", "sgn", "heaviside", "clamp", "clip"})
"""Steps that count as the identity."""

CUTS = frozenset({"detach", "detach_", "data", "_set_grad_enabled"})
"""What a model says to keep gradients out."""

CASTS = frozenset(
    {"to", "type", "type_as", "float", "double", "half", "byte", "int", "long", "short", "char"}
)
COMPARISONS = {
    "gt": 1,
    "ge": 1,
    "greater": 1,
    "greater_equal": 1,
    "lt": -1,
    "le": -1,
    "less": -1,
    "less_equal": -1,
}
"""Steps to whole numbers and truth values, remembered until they come back as numbers."""

OPTIMISATION = "optimisation"
"""What stops the gradients of models that take gradient steps while they answer."""

Slope = Callable[[Tensor], Tensor]

SATURATED: dict[str, Slope] = {
    "sigmoid": lambda inputs: inputs / (4 + 2 * inputs.abs()),
    "tanh": lambda inputs: inputs / (1 + inputs.abs()),
    "erf": lambda inputs: inputs / (1 + inputs.abs()),
}
"""Stand-ins with the same slope in the middle, whose slope falls slowly and never to zero."""


class StraightThrough(nn.Module):
    """The stand-in for a model.

    Args:
        model: From inputs `(N, *shape)` to logits.
        cuts: Which of `CUTS` are overruled.
    """

    def __init__(self, model: Callable[[Tensor], Any], cuts: frozenset[str] = CUTS) -> None:
        super().__init__()
        self.model = model
        self.cuts = cuts

    def forward(self, inputs: Tensor) -> Any:
        return self.told(inputs)[0]

    def told(self, inputs: Tensor) -> tuple[Any, frozenset[str]]:
        """The answers, and what would have stopped the gradients."""
        if not torch.is_grad_enabled():
            return self.model(inputs), frozenset()
        root = inputs.clone()  # no leaf, so that a model may write into it
        mode = _Mode(root, self.cuts)
        with mode, _bridged(mode):
            outputs = self.model(root)
        if isinstance(outputs, Tensor) and not outputs.requires_grad:
            outputs = mode.bridged(outputs, "the outputs")
        return outputs, frozenset(mode.met)


def straight_through(model: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    """The stand-in for a model, chosen at its first batch: the first that answers and has gradients.

    Overruling `detach` breaks models that optimise while they answer; for them cuts stay, and are bridged.
    """
    chosen: list[StraightThrough] = []

    def answer(inputs: Tensor) -> Any:
        if not chosen:
            chosen.append(_chosen(model, inputs) or StraightThrough(model, frozenset()))
        return chosen[0](inputs)

    return answer


def stops(model: Callable[[Tensor], Any], inputs: Tensor) -> frozenset[str] | None:
    """What in a model stops gradients at `inputs`, and can be got past; a name each, such as `round`.

    None if no stand-in gives gradients that are numbers and not all zero.
    """
    stand_in = _chosen(model, inputs)
    if stand_in is None:
        return None
    with torch.enable_grad():
        return stand_in.told(inputs.detach().requires_grad_())[1]


def _chosen(model: Callable[[Tensor], Any], inputs: Tensor) -> StraightThrough | None:
    candidates = (StraightThrough(model, CUTS), StraightThrough(model, frozenset()))
    return next((each for each in candidates if _works(each, inputs)), None)


def _works(stand_in: StraightThrough, inputs: Tensor) -> bool:
    """Whether it answers, and its gradients are numbers and not all zero."""
    points = inputs.detach().requires_grad_()
    try:
        with torch.enable_grad(), warnings.catch_warnings(action="ignore"):
            outputs = stand_in(points)
            # of a saturated softmax the logarithm of the largest share is flat, that of the least is not
            spread = (outputs.amax(1) - outputs.amin(1)).sum()
            (gradient,) = torch.autograd.grad(spread, points, materialize_grads=True)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # whatever the user's code does when its cuts are overruled
        return False
    return bool(gradient.isfinite().all()) and bool(gradient.any())


class _Mode(TorchFunctionMode):
    """Sees every call of a torch function inside the model, and replaces some.

    `live` holds the last tensor of each shape that gradients reach, `whole` what became whole numbers or truth
    values, `odds` the logarithms of each softmax, and `met` the names of what would have stopped gradients.
    """

    def __init__(self, root: Tensor, cuts: frozenset[str]) -> None:
        super().__init__()
        self.root, self.cuts = root, cuts
        self.live: dict[torch.Size, Tensor] = {root.shape: root}
        self.whole: dict[int, tuple[Tensor, Tensor]] = {}
        self.odds: dict[int, tuple[Tensor, Tensor]] = {}
        self.met: set[str] = set()
        self.resting = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = _name(func), kwargs or {}
        first = args[0] if args else None
        if not self.resting and name in self.cuts and self._overruled(name, first):
            return None if name == "_set_grad_enabled" else first
        if name == "numpy" and isinstance(first, Tensor):
            args = (first.detach(), *args[1:])
        if name in STEPS:
            self.met.add(OPTIMISATION)
        result = func(*args, **kwargs)
        if self.resting or not isinstance(first, Tensor):
            return result
        if name in CASTS and id(first) in self.whole:
            return self._back(first, result)
        return self._seen(name, first, args, result) if first.requires_grad else result

    def bridged(self, values: Tensor, where: str) -> Tensor:
        """`values` with the gradient of what they were made from, as far as shapes tell."""
        self.resting = True
        made = bridge(values, self.live.get(values.shape, self.root))
        self.resting = False
        if made is None:
            return values
        self.met.add(f"a cut before {where}")
        return made

    def _overruled(self, name: str, first: Any) -> bool:
        """Whether gradients are let through here, whatever the model says."""
        if name == "_set_grad_enabled":
            if first is False:
                self.met.add("no_grad")
            return True
        stopped = isinstance(first, Tensor) and first.requires_grad
        if stopped:
            self.met.add(name.rstrip("_"))
        return stopped

    def _seen(self, name: str, first: Tensor, args: Any, result: Any) -> Any:
        """The result of a step on something that gradients reach."""
        if not isinstance(result, Tensor):
            return result
        if not result.is_floating_point():
            self._remember(name, first, args, result)
            return result
        result = self._sloped(name.rstrip("_"), first, result)
        result = self._unfolded(name, first, args, result)
        if result.requires_grad and self.cuts:  # otherwise who knows whether it comes from the root
            self.live[result.shape] = result
        return result

    def _remember(self, name: str, first: Tensor, args: Any, result: Tensor) -> None:
        """What a whole number or a truth value was made from, as long as the model may ask for it."""
        if name in COMPARISONS and len(args) > 1:
            self.whole[id(result)] = result, COMPARISONS[name] * (first - args[1])
        elif name in CASTS:
            self.whole[id(result)] = result, first

    def _back(self, first: Tensor, result: Tensor) -> Tensor:
        source = self.whole[id(first)][1]
        if not result.is_floating_point() or result.shape != source.shape:
            return result
        self.met.add("whole numbers" if first.dtype is not torch.bool else "a comparison")
        return _with_slope(result, source.to(result.dtype))

    def _sloped(self, name: str, first: Tensor, result: Tensor) -> Tensor:
        """The same values with a slope, if this step has none."""
        if name in FLAT and result.shape == first.shape:
            if name not in ("clamp", "clip"):  # inside its bounds a clamp stops nothing
                self.met.add(name)
            return _with_slope(result, first)
        if name in SATURATED and _saturated(name, result):
            self.met.add(name)
            return _with_slope(result, SATURATED[name](first))
        return result

    def _unfolded(self, name: str, first: Tensor, args: Any, result: Tensor) -> Tensor:
        """The result, but for the logarithm of a softmax, also a rounded one, what it would be with more digits."""
        if name == "softmax":
            if bool((result.detach().amax(-1) == 1).float().mean() > 0.5):
                self.met.add("softmax")
            self.odds[id(result)] = result, first.log_softmax(-1)
        elif id(first) in self.odds and result.shape == first.shape:
            odds = self.odds[id(first)][1]
            if name == "log":
                return odds
            if name.split("_")[0] in FLAT:
                self.odds[id(result)] = result, odds
        return result


def _with_slope(values: Tensor, slope: Tensor) -> Tensor:
    return values.detach() + (slope - slope.detach())


def _saturated(name: str, result: Tensor) -> bool:
    """Whether most values sit where float32 has no slope left."""
    top = result.detach().abs() if name != "sigmoid" else (2 * result.detach() - 1).abs()
    return bool((top > 1 - 1e-6).float().mean() > 0.5)


@contextmanager
def _bridged(mode: _Mode) -> Iterator[None]:
    """Inside, a module that is handed something without a history gets it with a bridge to where it came from."""

    def hand_over(module: nn.Module, args: tuple[Any, ...]) -> Any:
        if not (args and isinstance(args[0], Tensor) and args[0].is_floating_point()):
            return None
        values = args[0]
        if values.grad_fn is not None or values.shape[:1] != mode.root.shape[:1]:
            return None
        return (mode.bridged(values, type(module).__name__), *args[1:])

    handle = register_module_forward_pre_hook(hand_over)
    try:
        yield
    finally:
        handle.remove()


def _name(func: Any) -> str:
    """`round` for `Tensor.round`, `torch.round` and `aten.round.default`; `data` for reading `Tensor.data`."""
    if getattr(func, "__self__", None) is torch.Tensor.data:
        return "data"
    return str(getattr(func, "__name__", "")).split(".")[0]
