"""Faults drawn at random: small mutations of the syntax tree, chosen by a seed.

Every possible mutation has a name made of its place and its text, and the draw takes those whose names have the
smallest hashes. So a draw depends on the seed alone, and an edit somewhere else hardly changes it.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import chain

from tests.faults.fault import SOURCE, Fault

FOLDERS = ("engine", "threat", "attacks", "verify")
FILES = ("evaluation/ledger.py", "evaluation/search/stages.py")

SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
PAIRS = (
    "minimum maximum",
    "clamp_min clamp_max",
    "floor ceil",
    "amin amax",
    "argmin argmax",
    "min max",
    "any all",
)
NAMES = {one: other for pair in PAIRS for one, other in (pair.split(), pair.split()[::-1])}
BRANCHES = ("where", "pick")

Change = tuple[ast.AST, str]
"""A node, and the text that replaces it."""


def draw(count: int, seed: int = 0) -> list[Fault]:
    """So many faults, without repetition."""
    rank = {fault: hashlib.sha256(f"{seed} {fault.name}".encode()).digest() for fault in possible()}
    return sorted(rank, key=rank.__getitem__)[:count]


@cache
def possible() -> tuple[Fault, ...]:
    """Every fault that can be drawn."""
    files = chain.from_iterable((SOURCE / folder).rglob("*.py") for folder in FOLDERS)
    names = sorted(path.relative_to(SOURCE).as_posix() for path in files)
    return tuple(fault for name in (*names, *FILES) for fault in _faults(name))


def _faults(file: str) -> Iterator[Fault]:
    source = (SOURCE / file).read_text()
    lines = source.splitlines(keepends=True)
    for function, (node, new) in _changes(ast.parse(source), "module"):
        start = _place(lines, node.lineno, node.col_offset)
        end = _place(lines, node.end_lineno, node.end_col_offset)
        old = source[start:end]
        before, after = source[:start].rpartition("\n")[2], source[end:].partition("\n")[0]
        change = " ".join(f"{before}[{old} -> {new}]{after}".split())
        yield Fault(f"{file} {function}: {change}", file, old, new, _likely(file), start)


def _place(lines: list[str], number: int, offset: int) -> int:
    """Where something stands in the source; the tree counts bytes of a line."""
    return sum(map(len, lines[: number - 1])) + len(lines[number - 1].encode()[:offset].decode())


def _likely(file: str) -> tuple[str, ...]:
    """Tests that bear the file's name, then those of its folder."""
    folder, stem = file.removesuffix(".py").rsplit("/", 1)
    names = [f"tests/{folder}/test_{stem.split('_')[0]}.py", "tests/faults/test_survivors.py"]
    if folder == "attacks":
        names.append(f"tests/attacks/test_conformance.py::test_law[{stem.replace('_', '-')}")
    return (*names, f"tests/{folder}/")


def _changes(node: ast.AST, function: str) -> Iterator[tuple[str, Change]]:
    """Every mutation below `node`, with the function it is in."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = node.name
    for change in _of(node):
        yield function, change
    for child in _parts(node):
        yield from _changes(child, function)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The children that do something: no annotation, no decorator, no message, no text."""
    silent = (
        "annotation",
        "returns",
        "decorator_list",
        "bases",
        "keywords" if isinstance(node, ast.ClassDef) else "",
    )
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if field not in silent and isinstance(child, ast.AST) and not _mute(child):
                yield child


def _mute(node: ast.AST) -> bool:
    """Messages, texts, claims, names that are exported, and short names for types."""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id in (
            "__all__",
            "Look",
            "Keep",
            "Retire",
            "Watch",
        )
    return isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom)


def _of(node: ast.AST) -> Iterator[Change]:
    """Mutations of the node itself."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            yield node, _text(node, ops=[SWAPS[type(operator)]()])
        case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in SWAPS:
            yield node, f"({_text(node, op=SWAPS[type(operator)]())})"
        case ast.UnaryOp(op=ast.Invert()):
            yield node, f"({ast.unparse(node.operand)})"
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            others = [other for other in (value + 1, value - 1, 2 * value) if other != value]
            yield node, repr(others[node.col_offset % len(others)])  # one of them: constants are many
        case ast.Call():
            yield from _of_call(node)
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.Constant):
            yield node.test, f"(not ({ast.unparse(node.test)}))"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign():
            yield node, "pass"


def _of_call(node: ast.Call) -> Iterator[Change]:
    """Another function, exchanged branches, or, with `replace`, a field that is forgotten."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in NAMES:
        function = copy.copy(node.func)
        setattr(function, "attr" if isinstance(function, ast.Attribute) else "id", NAMES[name])
        yield node.func, ast.unparse(function)
    if name in BRANCHES and len(node.args) == 3:
        condition, yes, no = node.args
        yield node, _text(node, args=[condition, no, yes])
    if name == "replace" and all(keyword.arg for keyword in node.keywords):
        for index in range(len(node.keywords)):
            yield node, _text(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])


def _text(node: ast.AST, **fields: object) -> str:
    """The node's source with other fields."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return ast.unparse(changed)
