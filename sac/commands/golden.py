"""`sac golden`: committed ledgers that runs must reproduce, bit for bit."""

from __future__ import annotations

import argparse
import functools
import json
import os
import shlex
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.commands.exit_status import BAD_INPUT, DIVERGED, OK
from sac.commands.training_process import Variant, run_training
from sac.config import BadConfig
from sac.display import shell
from sac.display.terminal import say
from sac.ledger.comparison import NotComparable, compare, coverage_difference
from sac.ledger.file import Ledger, LedgerSource, open_ledger, read_ledger
from sac.ledger.line import VERSION
from sac.native.exact_reciprocals import COUNTS, read_counts
from sac.numerics import machine
from sac.numerics.fingerprint import differences
from sac.processes import Children, ended_by_signals
from sac.untrusted.fields import optional
from sac.untrusted.file import Unreadable
from sac.untrusted.seal import sealed

DEFAULT_FOLDER = Path(__file__).parents[2] / "tests" / "determinism" / "goldens"
"""Folder in the checkout that this package runs from, whatever the working directory."""
_SMALL = "--num_envs=4 --training_freq=32 --batch_size=64 --buffer_size=2_000 --learning_starts=128 --num_eval_envs=2"
_QUIET = "--numerics=portable --no-tensorboard --no-capture_video --no-save_model --no-progress"
_TASK = f"{_SMALL} --total_timesteps=320 --eval_freq=0 {_QUIET}"
_POINT = f"--env_id=Point-v1 {_SMALL} --total_timesteps=3_200 --eval_freq=1_600 {_QUIET} --ledger_freq=5"
_STACK_CUBE = f"--env_id=StackCube-v1 --control_mode=pd_ee_delta_pos {_TASK}"
# Mostly physics: an emulated CPU takes a minute for a few updates.
_PHYSICS = (
    "--num_envs=2 --training_freq=16 --utd=0.125 --batch_size=16 --buffer_size=400 --learning_starts=64 "
    f"--total_timesteps=128 --eval_freq=0 --workers=serial {_QUIET}"
)
GOLDENS: dict[str, str] = {
    "point": _POINT,
    "point_overlap": f"{_POINT} --overlap",
    "stack_cube": _STACK_CUBE,
    "stack_cube_overlap": f"{_STACK_CUBE} --overlap",
    "pick_cube": f"--env_id=PickCube-v1 {_TASK}",
    "push_cube": f"--env_id=PushCube-v1 {_TASK}",
    "stack_cube_in_contact": f"--env_id=StackCubeInContact-v1 --control_mode=pd_ee_delta_pos {_PHYSICS}",
    "peg_insertion": f"--env_id=PegInsertionSide-v1 --control_mode=pd_joint_delta_pos {_PHYSICS}",
    "lift_peg": f"--env_id=LiftPegUpright-v1 --control_mode=pd_ee_delta_pose {_PHYSICS}",
    "place_sphere": f"--env_id=PlaceSphere-v1 --control_mode=pd_ee_delta_pos --seed=2 {_PHYSICS}",
    "rotate_valve": f"--env_id=RotateValveLevel0-v1 {_PHYSICS}",
    "ant_walk": f"--env_id=MS-AntWalk-v1 {_PHYSICS}",
}
"""Name -> flags of `sac train`; to add a golden, add a line and run `sac golden --update`."""
PHYSICS = frozenset(name for name, flags in GOLDENS.items() if flags.endswith(_PHYSICS))
"""Goldens that are mostly simulation, so that an emulated CPU can run them."""
PARTING = frozenset(("stack_cube", "stack_cube_in_contact", "peg_insertion", "lift_peg"))
"""Goldens whose bits depend on instructions whose results CPU vendors choose, unless those are made exact."""
IN_CONTACT = PARTING | {"stack_cube_overlap", "place_sphere", "rotate_valve"}
"""Goldens that must reach these instructions; their headers count how often."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one golden's check: text of one line or more, and whether it passes.

    `failed` says that a run came to no end, so that nothing is known of its bits.
    """

    name: str
    passed: bool
    text: str
    failed: bool = False


def golden_command(arguments: Sequence[str]) -> int:
    """Run `sac golden`: return 0 if all goldens hold, 2 if a run failed, else 1.

    Raises:
        BadConfig: a flag's value can't be used.
    """
    options = golden_parser().parse_args(list(arguments))
    names = options.names or list(GOLDENS)
    folder = Path(options.dir)
    flags = [_flags_of(name, folder, options.flags) for name in names]
    if options.update and not options.reason:
        raise BadConfig('--update: say why with --reason "…"; it is kept in the golden')
    if options.jobs < 1:
        raise BadConfig(f"--jobs {options.jobs}: must be at least 1")
    _check_files(folder, names, update=options.update)
    outcomes = []
    with (
        ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="sac-golden-", ignore_cleanup_errors=True) as temporary,
        ThreadPoolExecutor(options.jobs) as pool,
        Children() as children,
    ):
        check = functools.partial(
            _outcome, folder=folder, temporary=Path(temporary), options=options, children=children
        )
        for outcome in pool.map(check, names, flags):
            say(f"{outcome.name:18} {outcome.text}")
            outcomes.append(outcome)
    if not options.names:
        outcomes += unused(folder)
    if any(outcome.failed for outcome in outcomes):
        return BAD_INPUT
    return OK if all(outcome.passed for outcome in outcomes) else DIVERGED


def golden_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac golden`."""
    parser = argparse.ArgumentParser(
        prog="sac golden",
        description="Run short trainings and compare their ledgers with the committed ones, bit for bit. If this "
        "machine's arithmetic differs from a ledger's, train twice instead and compare the two runs.",
        epilog="Exit status: 0 all hold, 1 one does not, 2 an error, 70 one that nobody foresaw.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default: all of {', '.join(GOLDENS)})")
    parser.add_argument("--update", action="store_true", help="rewrite what differs, and show what changed")
    parser.add_argument("--reason", help="why the goldens change; kept in their headers")
    parser.add_argument("--flags", help="flags of `sac train` of a golden of your own, kept in its header; use --dir")
    parser.add_argument("--strict", action="store_true", help="fail if the fingerprint differs")
    parser.add_argument(
        "--dir",
        type=os.path.expanduser,
        default=str(DEFAULT_FOLDER),
        help="folder of the goldens (default %(default)s)",
    )
    parser.add_argument("--jobs", type=int, default=machine.usable_cores(), help="runs at the same time")
    return parser


def _check_files(folder: Path, names: Sequence[str], *, update: bool) -> None:
    """Refuse now what could only fail at the end."""
    if update and folder == DEFAULT_FOLDER and not folder.parent.is_dir():
        raise BadConfig(f"--update: this package does not run from a checkout ({folder} is not there): give --dir")
    missing = [name for name in names if not (folder / f"{name}.jsonl").exists()]
    if missing and not update:
        raise BadConfig(
            f"--dir {folder}: holds no golden {', '.join(missing)}; give the folder that does, or write it with "
            'sac golden --update --reason "..."'
        )


def _flags_of(name: str, folder: Path, given: str | None) -> str:
    """Flags of `sac train` that make a golden: those of the table, or of one of your own, which its header keeps.

    Raises:
        BadConfig: nothing tells them.
    """
    if name in GOLDENS:
        if given is not None:
            raise BadConfig(f"--flags: {name} is a golden of this package, with flags of its own; choose another name")
        return GOLDENS[name]
    path = folder / f"{name}.jsonl"
    stored = _own_entry(open_ledger(path)) if path.exists() else {}
    found = given if given is not None else stored.get("flags")
    if not isinstance(found, str):
        raise BadConfig(
            f"golden {name!r}: not known; there are: {', '.join(GOLDENS)}. One of your own is begun with "
            f"sac golden {name} --dir FOLDER --update --reason WHY --flags '--env_id=... --total_timesteps=...'"
        )
    return found


def _own_entry(golden: LedgerSource) -> dict[str, Any]:
    """What a golden's header says of the golden itself.

    Raises:
        BadConfig: it is no object.
    """
    try:
        return optional(golden.header, "golden", dict, {})
    except Unreadable as error:
        raise BadConfig(f"{golden.path}:1: {error}") from error


def _outcome(
    name: str, flags: str, *, folder: Path, temporary: Path, options: argparse.Namespace, children: Children
) -> Outcome:
    run, counts = temporary / name, temporary / f"{name}-counts"
    variant = Variant(name, environment={COUNTS: str(counts)} if options.update else {})
    code = run_training(shlex.split(flags), run, variant, children, hear="failures")
    if code != 0:
        command = shell.join(["sac", "train", *shlex.split(flags)])
        return Outcome(name, False, f"the run failed with status {code}; to see why: {command}", failed=True)
    path = folder / f"{name}.jsonl"
    fresh = read_ledger(run)
    golden = read_ledger(path) if path.exists() else None
    if options.update or golden is None:
        return _update(name, flags, path, golden, fresh, options.reason, read_counts(counts))
    try:
        return check_golden(name, flags, golden, fresh, temporary, children, strict=options.strict)
    except NotComparable as error:
        command = f"sac golden {shell.path(name)} --update --reason '...'"
        return Outcome(name, False, f"can't be compared with the golden: {error}; {command} rewrites it")


def check_golden(
    name: str, flags: str, golden: Ledger, fresh: Ledger, temporary: Path, children: Children, *, strict: bool
) -> Outcome:
    """Compare a fresh run with its golden; if the fingerprint differs, with a second fresh run instead."""
    if name in IN_CONTACT and not _own_entry(golden).get("reciprocals"):
        return Outcome(name, False, "a run without contact: its header counts no approximate reciprocal in the physics")
    coverage = coverage_difference(golden, fresh)
    if coverage is not None:
        return Outcome(name, False, f"does not record the same as the golden: {coverage}")
    drift = _drift(golden, fresh)
    comparison = compare(golden, fresh)
    if comparison.equal:
        note = f" (though the fingerprint differs: {'; '.join(drift)})" if drift else ""
        return Outcome(name, True, f"equal over {comparison.compared_iterations} iterations{note}")
    if not drift:
        return Outcome(name, False, f"DIFFERS from the golden\n{comparison.text}")
    reason = _why_not_comparable(golden, drift)
    if strict:
        return Outcome(name, False, f"{reason}, and --strict is set")
    if _is_stale(golden, fresh):
        return Outcome(
            name,
            False,
            f"no golden applies: {reason}, though libraries and CPU are the golden's: this program's own fingerprint "
            f"has changed, and so nothing is checked any more. sac golden {name} --update --reason '...' makes it anew",
        )
    if os.environ.get("CI", "").lower() in ("1", "true") and not _libraries_apart(golden, fresh):
        return Outcome(name, False, f"no golden applies: {reason}, though the libraries are the golden's (CI is set)")
    again = temporary / f"{name}-twin"
    code = run_training(shlex.split(flags), again, Variant(name), children, hear="failures")
    if code != 0:
        return Outcome(name, False, f"{reason}, and a second run failed with status {code}", failed=True)
    twin = compare(fresh, read_ledger(again))
    if twin.equal:
        return Outcome(name, True, f"{reason}: no golden applies here; instead two fresh runs are equal")
    return Outcome(name, False, f"{reason}, and two fresh runs differ\n{twin.text}")


def _fingerprints(golden: Ledger, fresh: Ledger) -> tuple[dict[str, Any], dict[str, Any]]:
    return golden.header.get("fingerprint", {}), fresh.header.get("fingerprint", {})


def _libraries_apart(golden: Ledger, fresh: Ledger) -> bool:
    """Whether the libraries that compute are other ones, so that other bits are nobody's fault here."""
    then, now = _fingerprints(golden, fresh)
    return any(then.get(name) != now.get(name) for name in machine.LIBRARIES)


def _is_stale(golden: Ledger, fresh: Ledger) -> bool:
    """Whether nothing has changed but names that this program itself writes into a fingerprint."""
    then, now = _fingerprints(golden, fresh)
    return not differences(_without_names(then, now), _without_names(now, then))


def _without_names(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a fingerprint without the name of the products, and without operations that only one of two has."""
    shared = (other.get("probe") or {}).keys()
    probe = {name: digest for name, digest in (one.get("probe") or {}).items() if name in shared}
    return {**one, "products": "", "probe": probe}


def _why_not_comparable(golden: Ledger, drift: Sequence[str]) -> str:
    """Say in one line why a run here can't be compared with the golden."""
    cpu = [difference for difference in drift if difference.startswith("cpu: ")]
    if cpu:
        profile = golden.header["fingerprint"].get("profile", "of its run")
        return f"made on another CPU model, to which --numerics {profile} binds ({cpu[0]})"
    return f"made under another fingerprint ({'; '.join(drift)})"


def _update(
    name: str, flags: str, path: Path, golden: Ledger | None, fresh: Ledger, reason: str, reciprocals: Sequence[int]
) -> Outcome:
    reached = sum(reciprocals)
    if name in IN_CONTACT and not reached:
        return Outcome(name, False, "not written: the run reaches no approximate reciprocal, so it has no contact")
    before = "new" if golden is None else _before(golden, fresh, reached)
    if golden is not None and not before and coverage_difference(golden, fresh) is None:
        return Outcome(name, True, "unchanged")
    entry = {"name": name, "flags": flags, "reason": reason, "reciprocals": reached}
    header = {"ledger": VERSION, **fresh.header, "golden": entry}
    header["config"] = {**fresh.config, "run_dir": None}
    body = fresh.path.read_bytes().partition(b"\n")[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(sealed(header)).encode() + b"\n" + body)
    return Outcome(name, True, f"written: {before}")


def _before(golden: Ledger, fresh: Ledger, reached: int) -> str:
    """Say what else a rewritten golden held; empty if fingerprint, digests and count are those of the fresh run."""
    try:
        comparison = compare(golden, fresh)
    except NotComparable as error:
        return str(error)
    counted = _own_entry(golden).get("reciprocals")
    count = [] if counted == reached else [f"approximate reciprocals reached: {counted}, now {reached}"]
    return "\n".join([*_drift(golden, fresh), *count, *([] if comparison.equal else [comparison.text])])


def _drift(golden: Ledger, fresh: Ledger) -> list[str]:
    return differences(*_fingerprints(golden, fresh))


def unused(folder: Path) -> list[Outcome]:
    """Return the golden files that no entry of the table makes."""
    stray = sorted(path for path in folder.glob("*.jsonl") if path.stem not in GOLDENS)
    for path in stray:
        say(f"{path.stem:18} {path} belongs to no golden: remove it")
    return [Outcome(path.stem, False, "unused") for path in stray]
