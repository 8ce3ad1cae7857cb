"""Text from files in a page; the templates' own escaping makes sure of the markup."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from sac.display.visible import visible


def finalize(value: Any) -> Any:
    """Return what a template puts in a place, before it is escaped: text without characters that act.

    What other templates have made is done already.
    """
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
