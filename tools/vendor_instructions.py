"""Which native libraries of a portable run hold instructions whose results CPU vendors chose, and which are reached.

`python -m tools.vendor_instructions [--only WORD] [FLAGS OF sac train]` trains once, so that all libraries are loaded.
Then it searches the code of each, and code made at run time. For each library with such instructions a copy of the
process trains again with a breakpoint on every one of them, and dies if it reaches one. `--keep` writes what replaces
the simulator's into sac/native/known.json. It takes some minutes, most of them for torch. Exit status: 0; 1 if one is
reached that is not replaced.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sac.native import exact_reciprocals, memory, sites
from sac.native.library import Library, Section, read_library
from sac.numerics import profiles

FLAGS = (
    "--env_id=StackCube-v1 --control_mode=pd_ee_delta_pos --num_envs=2 --training_freq=16 --utd=0.25 --batch_size=64 "
    "--buffer_size=400 --learning_starts=16 --total_timesteps=96 --num_eval_envs=1 --eval_freq=48"
)
QUIET = "--numerics=portable --workers=serial --no-tensorboard --no-capture_video --no-progress"
BREAKPOINT = b"\xcc"


def train(flags: Sequence[str], folder: Path) -> int:
    """Train in this process."""
    from sac.cli import main

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        return main(["train", *flags, *QUIET.split(), "--run_dir", str(folder)])


def libraries() -> list[tuple[Library, int]]:
    """All code that this process could execute, and where it lies; what was made at run time is one library."""
    executable = [one for one in memory.mappings() if "x" in one.flags]
    paths = sorted({one.path for one in executable if one.path.startswith("/")})
    starts = {one.path: one.start for one in reversed(list(memory.mappings())) if one.offset == 0}
    found = [(read_library(Path(path)), starts[path]) for path in paths]
    made = [one for one in executable if not one.path]
    code = tuple(Section("made at run time", one.start, memory.read(one.start, one.stop - one.start)) for one in made)
    nothing = found[0][0].functions[:0]
    return [*found, (Library(Path("made at run time"), code, (), nothing, nothing), 0)]


def ends_alike(addresses: Sequence[int], flags: Sequence[str], folder: Path, wanted: bytes) -> bool:
    """Whether a copy of this process trains to the same ledger with breakpoints at these addresses."""
    child = os.fork()
    if child == 0:
        memory.write_code(dict.fromkeys(addresses, BREAKPOINT))
        status = train(flags, folder)
        os._exit(0 if status == 0 and digests(folder) == wanted else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGTRAP):
        print(f"    the copy ended with status {status}", flush=True)
    return status == 0


def digests(folder: Path) -> bytes:
    """The ledger less its header, which names the folder."""
    return (folder / "ledger.jsonl").read_bytes().partition(b"\n")[2]


def check(flags: Sequence[str], only: str, root: Path) -> int:
    """Print a line for each library; returns the exit status."""
    from sac.native.instructions import search

    if train(flags, root / "first"):
        print("the training failed: sac train", *flags, file=sys.stderr)
        return 2
    wanted, status, count = digests(root / "first"), 0, 0
    for place, (library, base) in enumerate(libraries()):
        found = search(library, landings=False).chosen if only in str(library.path) else {}
        count += 1
        if not found:
            continue
        kinds = collections.Counter(name.lower() for name in found.values())
        replaced = library.path in memory.loaded(exact_reciprocals.LIBRARY)
        safe = replaced or ends_alike([base + at for at in found], flags, root / str(place), wanted)
        answer = "replaced" if replaced else ("not reached" if safe else "REACHED")
        held = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        print(f"{answer:12} {library.path.name}: {held}", flush=True)
        status |= not safe
    print(f"{count} libraries searched; those that are not named hold none")
    return int(status)


def keep() -> int:
    """Write down the sites of the simulator that is installed."""
    (path,) = memory.loaded(exact_reciprocals.LIBRARY)
    text = sites.known_text(path, f"{path.name} of sapien {exact_reciprocals.version()}")
    sites.KNOWN.write_text(text)
    print(f"{sites.KNOWN}: {len(sites.sites(path))} sites of {path}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="vendor_instructions", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="libraries whose path holds this word")
    parser.add_argument("--keep", action="store_true", help="rewrite sac/native/known.json instead")
    options, flags = parser.parse_known_args(list(arguments))
    profiles.prepare("portable")
    if options.keep:
        from sac.envs.maniskill.headless import import_simulator

        import_simulator()
        return keep()
    with tempfile.TemporaryDirectory(prefix="sac-instructions-") as root:
        return check(flags or FLAGS.split(), options.only, Path(root))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
