"""The processes of a run: which file each wrote, and a label by which its like in another run is found.

The files are named by process number and time, which say nothing in another run. A label is made of what does: the rank
in a distributed program, the position among the children of one parent, and otherwise the command line.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sac.untrusted.file import Unreadable, open_regular
from sac.untrusted.json_text import parse
from sac.why.event import MAIN
from sac.why.tracer.trace_file import CHILD

_NUMBER = re.compile(r"\d+")
_LONGEST = 1 << 16
_NO_SLOT = 1 << 30


def files_of(path: Path) -> list[Path]:
    """Return the files of the processes that a run has started, beside that of its first one."""
    names = glob.glob(glob.escape(str(path)) + ".*")
    return [Path(name) for name in sorted(names) if re.fullmatch(CHILD, name[len(str(path)) :])]


def children_of(path: Path) -> dict[str, Path]:
    """Return the files of the processes that a run has started, as far as they have begun to write, by their labels."""
    headers = {file: header for file in files_of(path) if (header := header_of(file)) is not None}
    by_parent: dict[str, list[Path]] = {}
    known = {str(header.get("id")) for header in headers.values()}
    main = str((header_of(path) or {}).get("id"))
    for file, header in headers.items():
        parent = str(header.get("parent"))
        # Who was started by what isn't traced (a shell) counts as the first one's child.
        by_parent.setdefault(parent if parent in known and parent != header.get("id") else main, []).append(file)
    return dict(_labelled(main, MAIN, headers, by_parent))


def header_of(file: Path) -> dict[str, Any] | None:
    """Return the first line of a trace; None if it isn't there yet."""
    try:
        with open_regular(file) as opened:
            line = opened.readline(_LONGEST)
        header = parse(line) if line.endswith(b"\n") else None
    except (OSError, Unreadable):
        return None
    return header if isinstance(header, dict) else None


def _labelled(
    parent: str, label: str, headers: Mapping[Path, dict[str, Any]], by_parent: dict[str, list[Path]]
) -> Iterator[tuple[str, Path]]:
    """Yield the children of one process, and theirs, with their labels."""
    taken: dict[str, int] = {}
    for file in sorted(by_parent.pop(parent, []), key=lambda one: _order(headers[one])):
        header = headers[file]
        name = _name(header)
        taken[name] = taken.get(name, 0) + 1
        own = (
            f"{label}.{name}"
            if taken[name] == 1 and name != "x"
            else f"{label}.{name}{'' if name == 'x' else '-'}{taken[name]}"
        )
        yield own, file
        yield from _labelled(str(header.get("id")), own, headers, by_parent)


def _name(header: Mapping[str, Any]) -> str:
    if header.get("rank") is not None:
        return f"rank{header['rank']}"
    return str(header["slot"]) if header.get("slot") else "x"


def _order(header: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return by what the children of one process are put in order."""
    words = " ".join(map(str, header.get("argv", ())))
    return (
        str(header.get("rank") or ""),
        header.get("slot") or _NO_SLOT,
        _NUMBER.sub("#", words),
        header.get("start", 0),
    )
