"""What to write in place of a line, as code that can be pasted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sac.why.suspect import GLOBALS

_REWRITES: dict[str, Sequence[tuple[str, str]]] = {
    "unseeded-reset": [
        (r"\.reset\(\s*\)", ".reset(seed=seed)"),
        (r"\.reset\((?!.*seed)([^()]+)\)", r".reset(\1, seed=seed)"),
    ],
    "unseeded-generator": [
        (r"(default_rng|RandomState|Random|SeedSequence|PCG64|MT19937|Philox|SFC64)\(\s*(None)?\s*\)", r"\1(seed)"),
        (r"\.seed\(\s*\)", ".manual_seed(seed)"),
    ],
    "set-order": [
        (r"\bin (\w+)\s*:", r"in sorted(\1):"),
        (r"(list|tuple|enumerate|iter)\((set\([^()]*(?:\([^()]*\))?[^()]*\)|\w+)\)", r"\1(sorted(\2))"),
        (r"(\w+)\.pop\(\)", r"\1.pop()  # of a list: \1 = sorted(\1)"),
    ],
    "listing-order": [
        (
            r"((?:os\.)?(?:listdir|scandir)\([^()]*\)|glob\.i?glob\([^()]*\)|\w+\.(?:r?glob|iterdir)\([^()]*\))",
            r"sorted(\1)",
        )
    ],
    "uninitialised": [(r"torch\.empty", "torch.zeros"), (r"torch\.(Float)?Tensor\(", "torch.zeros(")],
    "completion-order": [(r"as_completed\((\w+)\)", r"\1"), (r"imap_unordered", "imap")],
}
_ASSIGNED = re.compile(r"^(\s*)([\w.]+)\s*=[^=]")
_SEEDING = re.compile(r"((?:manual_seed|seed|default_rng|RandomState|Random)\().*\)")
_HASH = re.compile(r"\bhash\(")
_TEXT = re.compile(r"[\w.]+|f?(['\"]).*\1")
"""What is a string by the looks of it: a name, or a literal."""
_BEFORE: dict[str, str] = {
    "dropout-in-evaluation": "model.eval()",
    "thread-count": "torch.set_num_threads(1)",
    "arithmetic": "torch.use_deterministic_algorithms(True); torch.set_num_threads(1)",
}
_KEPT = {
    "random's global generator": ("random.getstate()", "random.setstate(state)"),
    "NumPy's global generator": ("np.random.get_state()", "np.random.set_state(state)"),
    "torch's global generator": ("torch.get_rng_state()", "torch.set_rng_state(state)"),
}
"""Global generators, how the state of each is read, and how it is given back."""


def suggest(cause: str, code: str, generator: str = "", moved: str = "") -> tuple[str, ...]:
    """Return lines of a patch: `-` what stands there, `+` what to write; none where no rule fits.

    Args:
        cause: its name in the catalogue.
        code: the line to be mended.
        generator: the global generator that nobody has seeded, if that is the cause.
        moved: the generator that was moved by a draw of one run alone, if that is the cause.
    """
    line = code.rstrip()
    indent = line[: len(line) - len(line.lstrip())]
    if generator:
        return (f"+ {GLOBALS.get(generator, 'seed')}  # at the start of the script",)
    if cause == "unseeded-space":
        space = re.search(r"([\w.\[\]]+)\.sample\(", line)
        return (f"+ {indent}{space.group(1) if space else 'env.action_space'}.seed(seed)", f"  {line}")
    if cause == "consumed-elsewhere":
        if moved not in _KEPT:
            return ()
        read, given_back = _KEPT[moved]
        return (f"+ {indent}state = {read}  # and {given_back} after the next line", f"  {line}")
    if cause in _BEFORE:
        return (f"+ {indent}{_BEFORE[cause]}", f"  {line}")
    if cause in ("seed-from-hash", "hash-value"):
        return _fixed_hash(line)
    if cause.startswith("seed-from-") or (cause == "id-order" and _SEEDING.search(line)):
        return _fixed_seed(line)
    for pattern, replacement in _REWRITES.get(cause, ()):
        made, count = re.subn(pattern, replacement, line)
        if count:
            return f"- {line}", f"+ {made}"
    return ()


def _fixed_seed(line: str) -> tuple[str, ...]:
    """Return the patch of a line that makes a seed of what differs from run to run."""
    seeding, assigned = _SEEDING.search(line), _ASSIGNED.match(line)
    if seeding:
        made = f"{line[: seeding.start()]}{seeding.group(1)}seed)"
    elif assigned:
        made = f"{assigned.group(1)}{assigned.group(2)} = 1  # or from the command line, with a fixed default"
    else:
        return ()
    return f"- {line}", f"+ {made}"


def _fixed_hash(line: str) -> tuple[str, ...]:
    """Return the patch of a line that calls `hash`."""
    call = _HASH.search(line)
    if call is None:
        return ()
    depth, end = 1, call.end()
    while depth and end < len(line):
        depth += {"(": 1, ")": -1}.get(line[end], 0)
        end += 1
    hashed = line[call.end() : end - 1]
    if not re.match(r"b['\"]", hashed):
        hashed = f"{hashed if _TEXT.fullmatch(hashed) else f'repr({hashed})'}.encode()"
    return (f"- {line}", f"+ {line[: call.start()]}zlib.crc32({hashed}){line[end:]}") if not depth else ()
