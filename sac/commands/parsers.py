"""The parsers of commands whose modules load torch or NumPy: `sac eval`, `diff`, `report` and `doctor`.

A flag that chooses a numerics profile must be read before those load, and a wrong flag is reported at once.
"""

from __future__ import annotations

import argparse
import os


def eval_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac eval`."""
    parser = argparse.ArgumentParser(
        prog="sac eval",
        description="Evaluate a saved policy over many episodes: means, with a 95 % interval where they vary.",
    )
    policy = parser.add_mutually_exclusive_group(required=True)
    what = "policy file, or a run folder, whose policy.pt is taken"
    policy.add_argument("policy", nargs="?", type=os.path.expanduser, metavar="RUN", help=what)
    policy.add_argument("--checkpoint", type=os.path.expanduser, metavar="RUN", help="the same, under ManiSkill's name")
    add = parser.add_argument
    add("--env_id", "--env-id", help="task; default: that of the run that holds the policy")
    add("--control_mode", "--control-mode", help="control mode; default: that of the same run")
    add("--reward_mode", "--reward-mode", help="reward mode; default: that of the same run")
    what = "module or file that registers the task, can be given several times; default: those of the same run"
    add("--import", dest="imports", action="append", metavar="MODULE", help=what)
    add("--episodes", type=int, default=100, help="number of episodes (default %(default)s)")
    what = "number of parallel environments (default %(default)s)"
    add("--num_eval_envs", "--num-eval-envs", type=int, default=4, help=what)
    add("--seed", type=int, default=10_000, help="root seed of the episodes (default %(default)s)")
    add("--numerics", choices=("fast", "deterministic", "portable"), default="deterministic")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def diff_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac diff`."""
    parser = argparse.ArgumentParser(
        prog="sac diff",
        description="Compare two runs by their ledgers: in which iteration and which quantity do they diverge first? "
        "If one run is longer, only what both hold is compared.",
        epilog="Exit status: 0 equal, 1 diverged, 2 not comparable, or what --require names was not compared; "
        "70 an error that nobody foresaw.",
    )
    parser.add_argument("a", type=os.path.expanduser, help="run folder or ledger")
    parser.add_argument("b", type=os.path.expanduser, help="run folder or ledger")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    what = "fail with status 2 unless this was compared; can be given several times"
    parser.add_argument("--require", choices=("update", "evaluation"), action="append", default=[], help=what)
    return parser


def report_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac report`."""
    parser = argparse.ArgumentParser(
        prog="sac report",
        description="Write one page about runs: where they diverge, what they learned, and how to reproduce them. "
        "All runs are compared with the first.",
    )
    what = "run folder, ledger, folder of run folders, or what `sac why` (--keep, --json) or `sac bench compare` wrote"
    parser.add_argument("runs", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    page = "the page (default report.html)"
    parser.add_argument("-o", "--output", type=os.path.expanduser, metavar="FILE.html", help=page)
    parser.add_argument(
        "--markdown", type=os.path.expanduser, metavar="FILE", help="the same as Markdown; - is standard output"
    )
    return parser


def doctor_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac doctor`."""
    return argparse.ArgumentParser(
        prog="sac doctor",
        description="Try what `sac` needs on this machine: versions, numerics profiles, physics, renderer, GPU. "
        "Each finding says how to fix it.",
        epilog="Exit status: 0 training on the CPU works, 1 it does not. It does not need what is marked `off`.",
    )
