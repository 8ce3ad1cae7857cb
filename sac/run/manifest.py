"""Reads `manifest.json`: an object that holds its own checksum since that was introduced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import read_object
from sac.untrusted.seal import MEMBER, is_broken


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what a manifest holds.

    Raises:
        Unreadable: it is missing, can't be read, or is not what was written.
    """
    manifest = read_object(path)
    if is_broken(manifest):
        raise Unreadable(
            f"damaged or edited: its content is not what was written, its own checksum says. Put the original back, or "
            f"remove the member {MEMBER!r} from it to have it taken as it is",
            path,
        )
    return manifest
