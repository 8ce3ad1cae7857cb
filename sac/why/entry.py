"""What a line of a trace may hold: the kind of each member, checked once, where it is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sac.untrusted.fields import count, member, number
from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import shown
from sac.why.tracer.place import Place

_FACTS: Mapping[str, type | tuple[type, ...]] = {
    "generator": str,
    "thread": (str, int),
    "shared_seeds": list,
    "via": list,
    "moved": dict,
    "born": list,
}
"""Facts that others walk over or look up; all further ones are only shown, or asked whether they hold."""


def require_header(entry: Mapping[str, Any]) -> None:
    """Refuse a first line whose members are of another kind.

    Raises:
        Unreadable: one is.
    """
    if "root" in entry:
        path_text(entry["root"])
    if "environment" in entry:
        member(entry, "environment", dict)
    for name in ("pid", "ppid"):
        if entry.get(name) is not None:
            count(entry, name)


def place_of(entry: Mapping[str, Any]) -> Place:
    """Return the line of code that an entry names.

    Raises:
        Unreadable: a member is of another kind.
    """
    path_text(entry.get("file"))
    for name in ("line", "chain"):
        member(entry, name, int)
    member(entry, "function", str)
    for name in ("aside", "direct"):
        member(entry, name, bool)
    return Place(*(entry[name] for name in Place._fields))


def require_event(entry: Mapping[str, Any]) -> None:
    """Refuse an event whose members are of another kind.

    Raises:
        Unreadable: one is.
    """
    for name in ("n", "c"):
        count(entry, name)
    for name in ("k", "f"):
        member(entry, name, str)
    if "p" in entry:
        member(entry, "p", int)
    if "t" in entry:
        number(entry["t"])
    for name in ("in", "out"):
        if name in entry and not all(isinstance(value, str) for value in member(entry, name, dict).values()):
            raise Unreadable(f"expected {name!r} to hold texts")
    _require_values(entry)
    _require_facts(member(entry, "x", dict) if "x" in entry else {})
    for part in entry.get("nc", ()):
        if not (isinstance(part, list) and len(part) == 2 and all(isinstance(word, str) for word in part)):
            raise Unreadable(f"expected pairs of texts in 'nc', found {shown(part)}")
    if "shown" in entry:
        member(entry, "shown", str)


def _require_values(entry: Mapping[str, Any]) -> None:
    for values in (member(entry, "v", dict) if "v" in entry else {}).values():
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, dict):
                raise Unreadable(f"expected 'v' to hold lists of objects, found {shown(values)}")
            member(value, "path", str)
            member(value, "dtype", str)
            count(value, "count")


def _require_facts(facts: Mapping[str, Any]) -> None:
    for name, value in facts.items():
        if name in _FACTS and value is not None and not isinstance(value, _FACTS[name]):
            raise Unreadable(f"expected the fact {name!r} to be another kind of value, found {shown(value)}")
    if not all(isinstance(one, str) for one in facts.get("via") or ()):
        raise Unreadable("expected the fact 'via' to hold texts")
    born = facts.get("born")
    if born and not (len(born) == 2 and isinstance(born[0], str) and isinstance(born[1], int)):
        raise Unreadable(f"expected the fact 'born' to be a file and a line, found {shown(born)}")


def path_text(value: object) -> str:
    """Return a text that can be the name of a file.

    Raises:
        Unreadable: it can't.
    """
    try:
        if isinstance(value, str) and b"\0" not in os.fsencode(value):
            return value
    except UnicodeEncodeError:
        pass
    raise Unreadable(f"expected the name of a file, found {shown(value)}")
