"""The card that a notebook shows for a run."""

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["card"]

_CARD = """\
<div style="display:inline-block;border:1px solid #8884;border-radius:8px;padding:.8em 1.2em;line-height:1.5">
<div style="opacity:.7">{title}</div>
<div><b style="font-size:1.8em">{robust:.1%}</b> robust accuracy · {clean:.1%} clean</div>
<div style="background:#8883;height:6px;border-radius:3px;margin:.4em 0">
<div style="background:#8889;height:6px;border-radius:3px;width:{clean:.2%}">
<div style="background:#2a7de1;height:6px;border-radius:3px;width:{share:.2%}"></div></div></div>
<div style="opacity:.7">{verdict} · {samples} samples · suite {suite}</div>
</div>"""


def card(result: Mapping[str, Any]) -> str:
    """A few lines of HTML with what matters of a `result.json`; readable on light and dark pages."""
    clean_correct = int(result["clean_correct"])
    return _CARD.format(
        title=f"{escape(str(result['model']['name']))} under {escape(str(result['threat']['text']))}",
        robust=result["robust_accuracy"],
        clean=clean_correct / max(int(result["samples"]), 1),
        share=int(result["robust"]) / max(clean_correct, 1),
        verdict=escape(str(result["verdict"])),
        samples=f"{int(result['samples']):,}",
        suite=escape(str(result["suite"]["name"])),
    )
