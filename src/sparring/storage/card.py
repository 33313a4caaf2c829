"""The card that a notebook shows for a run."""

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["card"]

_CARD = """\
<div style="display:inline-block;box-sizing:border-box;max-width:min(36em,100%);overflow-wrap:anywhere;
border:1px solid #8886;border-radius:8px;padding:.8em 1.2em;line-height:1.5">
<div><b style="background:{colour};color:#fff;border-radius:4px;padding:.1em .5em;margin-right:.5em">{verdict}</b>
{title}</div>
<div style="margin-top:.3em"><b style="font-size:1.8em">{figure}</b> {name}{interval}
· {clean:.1%} clean</div>
<div role="img" aria-label="{robust:.1%} robust of {clean:.1%} clean"
style="background:#8883;height:6px;border-radius:3px;margin:.4em 0">
<div style="background:#8889;height:6px;border-radius:3px;width:{clean:.2%}">
<div style="background:#2a7de1;height:6px;border-radius:3px;width:{share:.2%}"></div></div></div>
<div style="opacity:.75">{robust_count} of {samples} withstood suite {suite}</div>{reasons}
</div>"""

# Each carries white text at a contrast of 4.5 or more, on light pages and on dark ones.
_COLOURS = {
    "measured": "#57606a",
    "pass": "#1a7f37",
    "fail": "#cf222e",
    "inconclusive": "#9a6700",
    "invalid": "#8250df",
    "incomplete": "#8250df",
}
_REASONS, _LETTERS = 3, 240


def card(result: Mapping[str, Any]) -> str:
    """A few lines of HTML with what matters of a `result.json`; readable on light and dark pages."""
    clean_correct, interval = int(result["clean_correct"]), result["interval"]
    between = f" ({interval['low']:.1%} to {interval['high']:.1%})" if interval else ""
    figure, name = f"{result['robust_accuracy']:.1%}", "robust accuracy"
    if (found := result.get("distances")) is not None:
        between, name = "", f"median smallest change, {escape(str(result['threat']['norm']))}"
        figure = "unknown" if found["median"] is None else f"{found['median']:.4g}"
    return _CARD.format(
        figure=figure,
        name=name,
        colour=_COLOURS[result["verdict"]],
        verdict=escape(str(result["verdict"])),
        title=f"{escape(_short(str(result['model']['name'])))} under {escape(str(result['threat']['text']))}",
        robust=result["robust_accuracy"],
        interval=between,
        clean=clean_correct / max(int(result["samples"]), 1),
        share=int(result["robust"]) / max(clean_correct, 1),
        robust_count=f"{int(result['robust']):,}",
        samples=f"{int(result['samples']):,}",
        suite=escape(str(result["suite"]["name"])),
        reasons="".join(f"\n<div>{escape(_short(str(each)))}</div>" for each in result["reasons"][:_REASONS]),
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
