"""Expressions of tensor sizes in a `.pt2` file, such as `2*Symbol('s0', positive=True, integer=True)`.

torch hands them to `sympy.sympify`, which evaluates them as Python. Only arithmetic of symbols passes here.
"""

from __future__ import annotations

import ast
import re

__all__ = ["is_plain_arithmetic"]

FUNCTIONS = frozenset(
    """
    Symbol Integer Float Rational Add Mul Pow Max Min Mod Abs Eq Ne Lt Le Gt Ge And Or Not Equality Unequality
    LessThan GreaterThan StrictLessThan StrictGreaterThan floor ceiling FloorDiv ModularIndexing Where
    PythonMod CleanDiv CeilToInt FloorToInt CeilDiv LShift RShift PowByNatural FloatPow FloatTrueDiv
    IntTrueDiv TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity
    IsNonOverlappingAndDenseIndicator
    """.split()  # noqa: SIM905  (words read better without quotes)
)
SYMBOL = re.compile(r"(s|u|zuf|zf)\d+")
ARITHMETIC = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Load, ast.operator, ast.unaryop,
    ast.cmpop, ast.boolop
)  # fmt: skip
LONGEST = 2000


def is_plain_arithmetic(expression: str) -> bool:
    """Whether an expression is arithmetic of numbers, symbols and known functions, and so safe to evaluate.

    >>> is_plain_arithmetic("2*Symbol('s0', positive=True, integer=True) + 1")
    True
    >>> is_plain_arithmetic("__import__('os').system('true')")
    False
    """
    if len(expression) > LONGEST or not expression.isascii():
        return False
    try:
        tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # Text may stand in one place only, as a symbol's name: sympify evaluates text that it meets elsewhere.
    names = {id(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_symbol(node)}
    return all(id(node) in names or _is_plain(node) for node in ast.walk(tree))


def _is_symbol(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Name)
        and node.func.id == "Symbol"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
        and SYMBOL.fullmatch(str(node.args[0].value)) is not None
    )


def _is_plain(node: ast.AST) -> bool:
    match node:
        case ast.Call():
            plain = isinstance(node.func, ast.Name)
        case ast.Name():
            plain = node.id in FUNCTIONS or SYMBOL.fullmatch(node.id) is not None
        case ast.Constant():
            plain = isinstance(node.value, bool | int | float)
        case ast.keyword():
            plain = node.arg is not None and isinstance(node.value, ast.Constant)
        case _:
            plain = isinstance(node, ARITHMETIC)
    return plain
