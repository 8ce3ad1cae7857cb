"""Reads `manifest.json`: an object that holds its own checksum since that was introduced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import read_object
from sac.untrusted.seal import require_sealed


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what a manifest holds.

    Raises:
        Unreadable: it is missing, can't be read, or is not what was written.
    """
    manifest = read_object(path)
    require_sealed(manifest, path)
    if not isinstance(manifest.get("config"), dict):
        raise Unreadable("holds no config", path)
    return manifest
