"""Parts of pictures that stand alone as SVG: legible on light and dark grounds, and in print."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import escape

from sac.display.visible import one_line

WIDTH = 760
LIGHT = ("#0b62a8", "#b3411a", "#256f3f", "#7a3e9d", "#8a6100", "#3f4a5a")
"""Colours of curves on a light ground."""
DARK = ("#7cb7f2", "#f29a70", "#7fce98", "#cfa0ee", "#e3bd56", "#bcc4d2")
"""The same on a dark one."""
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#1c1f24}.ground{fill:#fff}.title{font-size:15px;font-weight:600}
.grid{stroke:#d9d6cf;stroke-width:1}.mark{stroke:#565d68;stroke-width:1.5;stroke-dasharray:2 3}
@media (prefers-color-scheme:dark){text{fill:#e8e6e1}.ground{fill:#14161a}.grid{stroke:#363a43}.mark{stroke:#a9adb6}}
@media print{text{fill:#000}.ground{fill:#fff}.grid{stroke:#ccc}.mark{stroke:#444}}
"""


def document(title: str, body: Sequence[str], height: float, style: str) -> str:
    """Return a whole SVG of `WIDTH` times `height` units.

    Args:
        title: what it shows.
        body: its parts.
        height: how high it is.
        style: of what the picture has beside titles, grids and text.
    """
    name = escape(one_line(title))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
        'role="img">'
    )
    ground = '<rect class="ground" width="100%" height="100%"/>'
    heading = f'<text class="title" x="20" y="26">{name}</text>'
    return "\n".join(
        [head, f"<title>{name}</title>", f"<style>{_STYLE}{style}</style>", ground, heading, *body, "</svg>", ""]
    )


def rule(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """A straight line of a class."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Text on one line, anchored at its start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(one_line(words))}</text>'
