"""What a newcomer has to read stays small."""

import ast
import io
import tokenize
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "sparring"
SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def _code_lines(path):
    """Lines with code, without blanks, comments and docstrings."""
    text = path.read_text()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in SKIPPED
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def test_pgd_is_one_screen():
    assert _code_lines(SOURCE / "attacks" / "pgd.py") <= 60


def test_the_engine_is_read_in_one_sitting():
    assert sum(_code_lines(path) for path in (SOURCE / "engine").glob("*.py")) <= 450


def test_no_file_is_long():
    long = {path.name for path in SOURCE.rglob("*.py") if len(path.read_text().splitlines()) > 400}
    assert not long
