"""`sac bench`: its flags and its commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from sac.bench import trees
from sac.bench.calibrate import calibrate_command
from sac.bench.compare import BenchReport, Wanted, check, compare
from sac.bench.errors import BenchError
from sac.bench.report import as_json, markdown, print_report
from sac.bench.rounds import Setup
from sac.bench.trees import Tree
from sac.bench.workloads.cases import CASES
from sac.display.terminal import complain
from sac.numerics.profiles import PROFILES
from sac.processes import ended_by_signals


def bench_command(arguments: Sequence[str]) -> int:
    """Run `sac bench compare` or `sac bench calibrate`; return the exit status.

    Raises:
        BenchError: the comparison can't be made.
    """
    options = parser().parse_args(list(arguments))
    run: Callable[[argparse.Namespace], int] = options.run
    _require_writable(options)
    with ended_by_signals():
        return run(options)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all flags."""
    top = argparse.ArgumentParser(prog="sac bench", description="Benchmark two revisions, which run in turns.")
    commands = top.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "compare",
        help="judge a revision against another",
        epilog="Exit status: 0 no slowdown, 1 slowdown, 2 error, 4 inconclusive.",
    )
    _add_compare_flags(one)
    two = commands.add_parser("calibrate", help="how often the gate sees planted slowdowns, and how often it errs")
    _add_calibrate_flags(two)
    for each in (one, two):
        each.add_argument("--numerics", choices=list(PROFILES), default="deterministic")
        each.add_argument("--threads", type=int, default=1, help="CPU threads of each process (default %(default)s)")
    return top


def _add_compare_flags(one: argparse.ArgumentParser) -> None:
    one.set_defaults(run=compare_command)
    one.add_argument("--base", help="revision to compare with (default: where the branch left main, else HEAD~1)")
    one.add_argument("--head", default=trees.WORKTREE, help="revision to judge (default: the working tree as it is)")
    one.add_argument("--benchmarks", help=f"comma-separated names (default: all): {', '.join(CASES)}")
    one.add_argument(
        "--threshold",
        type=float,
        default=0.10,
        help="largest slowdown that passes, as a fraction (default %(default)s)",
    )
    one.add_argument("--pairs", type=int, default=5, help="pairs of processes to begin with (default %(default)s)")
    one.add_argument("--seconds", type=float, default=450, help="time for the whole comparison (default %(default)s)")
    one.add_argument(
        "--accept-counters",
        action="store_true",
        help="let the counters of operations, syncs, copies and allocations rise",
    )
    one.add_argument("--same-environment", action="store_true", help="install nothing, even if dependencies differ")
    everything = "write everything, samples included; `sac report F` makes a page of it"
    one.add_argument("--json", type=Path, metavar="F", help=everything)
    one.add_argument("--markdown", type=Path, metavar="F", help="append a summary, for example to $GITHUB_STEP_SUMMARY")


def _add_calibrate_flags(two: argparse.ArgumentParser) -> None:
    two.set_defaults(run=calibrate_command)
    two.add_argument("--repeats", type=int, default=20, help="comparisons of each kind (default %(default)s)")
    two.add_argument("--benchmark", default="update_256", choices=list(CASES), help="(default %(default)s)")
    two.add_argument("--threshold", type=float, default=0.10, help="(default %(default)s)")
    two.add_argument("--pairs", type=int, default=5, help="(default %(default)s)")
    two.add_argument("--faults", help="comma-separated (default: all)")
    two.add_argument("--sizes", default="0.05,0.10,0.20", help="planted slowdowns (default %(default)s)")
    two.add_argument("--json", type=Path, metavar="F", help="write every comparison")


def compare_command(options: argparse.Namespace) -> int:
    """Find the trees, compare them, and write what was asked for."""
    wanted = _wanted(options)
    check(wanted)
    # A log has no width of its own, and the assumed 80 columns would cut the verdicts off.
    console = Console(width=None if sys.stdout.isatty() else 120)
    with ExitStack() as stack:
        repository = trees.find_repository(Path.cwd())
        base_revision = options.base or trees.default_base(repository)
        base = stack.enter_context(trees.tree_of(repository, "--base", base_revision))
        head = stack.enter_context(trees.tree_of(repository, "--head", options.head))
        here = Tree(repository, trees.WORKTREE)
        base, head = (trees.with_interpreter(tree, here, options.same_environment) for tree in (base, head))
        setup = Setup(options.numerics, options.threads)
        report = compare(base, head, wanted, setup, say=complain)
    print_report(report, console)
    _write(report, options)
    return report.exit_status


def _wanted(options: argparse.Namespace) -> Wanted:
    names = options.benchmarks.split(",") if options.benchmarks is not None else CASES
    chosen = tuple(dict.fromkeys(name.strip() for name in names))
    return Wanted(chosen, options.threshold, options.pairs, options.seconds, not options.accept_counters)


def _require_writable(options: argparse.Namespace) -> None:
    """Refuse files that can't be written, before minutes of measuring."""
    for name in ("json", "markdown"):
        path: Path | None = getattr(options, name, None)
        if path is None:
            continue
        if not path.parent.is_dir():
            raise BenchError(f"--{name} {path}: its folder does not exist")
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise BenchError(f"--{name} {path}: can't be written: give the name of a file, in a folder that is yours")


def _write(report: BenchReport, options: argparse.Namespace) -> None:
    if options.json is not None:
        options.json.write_text(as_json(report))
    if options.markdown is not None:
        with options.markdown.open("a") as file:
            file.write(markdown(report))
    for path in (options.json, options.markdown):
        if path is not None:
            complain(f"wrote {path}")
