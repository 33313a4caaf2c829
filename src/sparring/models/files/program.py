"""The graph of a `.pt2` file, let through by an allow-list.

A `.pt2` file carries its graph as JSON, and torch turns strings of it into Python: names are pasted into
source
code that is executed, operators are looked up by attribute from `torch`, sizes are evaluated by sympy, pytree
contexts may import modules, guards are executed. docs/loading.md has file and line. So every string is
checked against what it may be, and what the model does not need to run is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import torch

from sparring.errors import UnsafeFileError
from sparring.models.files.expressions import is_plain_arithmetic

__all__ = ["screened"]

# Without quotes, brackets, blanks and "=", a string pasted into source code cannot do more than name things.
TOKEN = re.compile(r"[\w.@+-]*", re.ASCII)
OPERATOR = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)", re.ASCII)
TREE_TYPES = frozenset({"builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"})

# Arithmetic of sizes, and the two wrappers that export makes of `torch.no_grad` and `torch.autocast`.
OTHER_OPERATORS = frozenset(
    """
    _operator.eq _operator.ne _operator.le _operator.ge _operator.lt _operator.gt _operator.neg _operator.pos
    _operator.mul _operator.add _operator.sub _operator.floordiv _operator.mod _operator.pow _operator.truediv
    _operator.and_ _operator.or_ _operator.lshift _operator.rshift math.trunc torch.sym_not torch.sym_int
    torch.sym_float torch.sym_ite torch.sym_max torch.sym_min torch.sym_sqrt torch._sym_sqrt
    torch.ops.higher_order.wrap_with_set_grad_enabled torch.ops.higher_order.wrap_with_autocast
    """.split()  # noqa: SIM905  (words read better without quotes)
)

# Source positions, guards and names for people: not needed to run the graph, so never handed on.
LEFT_OUT: dict[str, Any] = {"metadata": {}, "guards_code": [], "treespec_namedtuple_fields": {}}
OBJECTS = frozenset({"as_custom_obj", "custom_obj"})


def screened(program: Any, file: str) -> Any:
    """Copy the JSON of a program, or of a list of its weights, without anything that could run code.

    Raises:
        UnsafeFileError: If a string is not what its place allows; the sentence says which.
    """
    return _screened(program, "", file)


def _screened(value: Any, key: str, file: str) -> Any:
    if isinstance(value, dict):
        return {_checked(name, "", file): _entry(each, name, file) for name, each in value.items()}
    if isinstance(value, list):
        return [_screened(each, key, file) for each in value]
    return _checked(value, key, file) if isinstance(value, str) else value


def _entry(value: Any, key: str, file: str) -> Any:
    if key in OBJECTS and value:
        raise UnsafeFileError(
            f"{file} holds a custom object, which is code of its own; export a model of tensors only"
        )
    if key == "use_pickle" and value is not False:
        raise UnsafeFileError(
            f"{file} holds a pickled tensor, which can run code when it is read; save plain tensors"
        )
    if key == "module_call_graph":  # the first entry is the model, the others are its parts, for people
        value = value[:1]
    # A tensor may well be called "metadata": what is left out are fields of the format, which are no tensors.
    return LEFT_OUT[key] if key in LEFT_OUT and not _is_tensor(value) else _screened(value, key, file)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and "dtype" in value


def _checked(text: str, key: str, file: str) -> str:
    if not RULES.get(key, _is_token)(text):
        raise UnsafeFileError(
            f"{file} holds {text[:80]!r} where {MEANINGS.get(key, 'a name')} must stand, which could run "
            "code; export the model again, or name the SHA-256 of the file if you trust it"
        )
    return text


def _is_token(text: str) -> bool:
    """Whether `text` is a word, a dotted name or a version; names that reach into Python's own are not."""
    return TOKEN.fullmatch(text) is not None and not any(part.startswith("__") for part in text.split("."))


def _is_identifier(text: str) -> bool:
    return not text or (text.isidentifier() and _is_token(text))


def _is_operator(text: str) -> bool:
    """Whether `text` names an operator of torch that computes tensors from tensors, and touches no file."""
    match = OPERATOR.fullmatch(text)
    if match is None:
        return text in OTHER_OPERATORS
    operator = getattr(getattr(torch.ops.aten, match[1], None), match[2], None)
    if not isinstance(operator, torch._ops.OpOverload):
        return False
    arguments = operator._schema.arguments
    return not any(each.name == "filename" or str(each.type) in ("Storage", "Stream") for each in arguments)


def _is_tree(text: str) -> bool:
    """Whether `text` describes nested tuples, lists and dicts: other types bring constructors, or imports."""
    try:
        version, node = json.loads(text)
        return version == 1 and _is_plain_tree(node)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def _is_plain_tree(node: Any) -> bool:
    if not isinstance(node, dict) or not (node["type"] is None or node["type"] in TREE_TYPES):
        return False
    keys = json.loads(node["context"] or "null") or []
    names = isinstance(keys, list) and all(isinstance(key, str | int) and _is_token(str(key)) for key in keys)
    return names and all(_is_plain_tree(child) for child in node["children_spec"])


def _is_text(text: str) -> bool:
    """Arguments of operators, such as an einsum equation, reach the source code quoted by `repr`."""
    return len(text) < 1000


RULES: dict[str, Callable[[str], bool]] = {
    "expr_str": is_plain_arithmetic,
    "target": _is_operator,
    "as_operator": _is_operator,
    "in_spec": _is_tree,
    "out_spec": _is_tree,
    "name": _is_identifier,
    "as_name": _is_identifier,
    "as_string": _is_text,
    "as_strings": _is_text,
}
MEANINGS = {
    "expr_str": "arithmetic of sizes",
    "target": "an operator of torch",
    "as_operator": "an operator of torch",
    "in_spec": "a plain structure of inputs",
    "out_spec": "a plain structure of outputs",
}
