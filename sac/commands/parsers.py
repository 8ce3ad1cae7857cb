"""The parsers of commands whose modules load torch or NumPy.

A flag that chooses a numerics profile must be read before those load, and a wrong flag is reported at once.
"""

from __future__ import annotations

import argparse
import os

from sac.statistics.choices import DEFAULT_DIFFERENCE, METRICS, MOMENTS


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
    _add_task_flags(parser, "holds the policy")
    add("--episodes", type=int, default=100, help="number of episodes (default %(default)s)")
    what = "number of parallel environments (default %(default)s)"
    add("--num_eval_envs", "--num-eval-envs", type=int, default=4, help=what)
    add("--seed", type=int, default=10_000, help="root seed of the episodes (default %(default)s)")
    add("--numerics", choices=("fast", "deterministic", "portable"), default="deterministic")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def _add_task_flags(parser: argparse.ArgumentParser, holder: str) -> None:
    """Add the flags that name a task; a run tells it otherwise, the one that `holder` says."""
    add = parser.add_argument
    add("--env_id", "--env-id", help=f"task; default: that of the run that {holder}")
    add("--control_mode", "--control-mode", help="control mode; default: that of the same run")
    add("--reward_mode", "--reward-mode", help="reward mode; default: that of the same run")
    what = "module or file that registers the task, can be given several times; default: those of the same run"
    add("--import", dest="imports", action="append", metavar="MODULE", help=what)


def similarity_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac similarity`."""
    parser = argparse.ArgumentParser(
        prog="sac similarity",
        description="How alike are two policies whose bits differ? Distances of their parameters, layer by layer; on "
        "the same observations their actions, distributions and hidden layers; success in the same episodes.",
        epilog="Exit status: 0 compared, 2 an error. docs/statistics.md says what each number means.",
        allow_abbrev=False,
    )
    what = "policy file, or a run folder, whose policy.pt is taken"
    parser.add_argument("a", type=os.path.expanduser, metavar="A", help=what)
    parser.add_argument("b", type=os.path.expanduser, metavar="B", help="another one of the same task")
    add = parser.add_argument
    what = "compare on observations of this run's replay buffer, in its newest checkpoint; default: on those of the "
    what += "task, stepped by uniform actions"
    add("--observations", type=os.path.expanduser, metavar="RUN", help=what)
    what = "number of observations (default %(default)s)"
    add("--num_observations", "--num-observations", type=int, default=1024, metavar="N", help=what)
    what = "episodes in which success is compared, 0 for none (default %(default)s)"
    add("--episodes", type=int, default=16, metavar="N", help=what)
    _add_task_flags(parser, "holds A, B, or the observations")
    what = "number of parallel environments of the episodes (default %(default)s)"
    add("--num_eval_envs", "--num-eval-envs", type=int, default=4, help=what)
    add("--seed", type=int, default=10_000, help="root seed of observations and episodes (default %(default)s)")
    add("--numerics", choices=("fast", "deterministic", "portable"), default="deterministic")
    add("--json", action="store_true", help="print one JSON object")
    return parser


def sensitivity_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac sensitivity`, without the flags of `sac train`."""
    parser = argparse.ArgumentParser(
        prog="sac sensitivity",
        description="What does one rounding do to a training? Train twice with the same flags, the second time with "
        "one number changed to its neighbour, and show how far the two come apart. All other flags go to `sac train`.",
        epilog="Exit status: 0 both trained and compared, 2 an error or a run that failed.",
        allow_abbrev=False,
    )
    what = "what is changed by one ULP: the actor's largest weight, or the largest number of the observation that "
    what += "environment 0 acts on next (default %(default)s)"
    parser.add_argument("--ulp", choices=("weight", "observation"), default="weight", help=what)
    what = "before which iteration, from 1 (default: the first in which the policy acts)"
    parser.add_argument("--at", type=int, metavar="ITERATION", help=what)
    what = "folder of both runs, the table and the picture (default runs/<env_id>__sensitivity)"
    parser.add_argument("--dir", type=os.path.expanduser, metavar="FOLDER", help=what)
    what = "train the changed run alone, in this process and this folder, and compare nothing"
    parser.add_argument("--changed_only", "--changed-only", type=os.path.expanduser, metavar="FOLDER", help=what)
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
        description="Write one page about runs: what they learned, where they diverge, and how to reproduce them. "
        "Runs of the same flags and seed are compared bit by bit; others are seeds and settings, with an interval.",
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


def sweep_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac sweep`, without the flags of `sac train`."""
    parser = argparse.ArgumentParser(
        prog="sac sweep",
        description="Train with many seeds, and with each combination of a grid. All other flags go to `sac train`. "
        "The same command again goes on with what is unfinished, and begins what is new: seeds can be added later. "
        "A run's bits are those of a single `sac train`.",
        epilog="Exit status: 0 all runs are finished, 2 an error or a run that failed.",
        allow_abbrev=False,
    )
    parser.add_argument("--seeds", required=True, metavar="A-B,C", help="seeds and ranges, for example 42-46")
    what = "a flag of `sac train` and its values; several make all combinations"
    parser.add_argument("--grid", action="extend", nargs="+", default=[], metavar="NAME=A,B", help=what)
    what = "folder of the run folders (default runs/<exp_name>, or runs/<env_id>__sweep)"
    parser.add_argument("--sweep_dir", "--sweep-dir", type=os.path.expanduser, metavar="FOLDER", help=what)
    what = "runs at the same time on this machine; auto: as many as its cores and its memory hold (default)"
    parser.add_argument("--jobs", default="auto", metavar="N", help=what)
    what = "processes of this machine (default), jobs of Slurm, or tasks of Ray"
    parser.add_argument("--engine", choices=("local", "slurm", "ray"), default="local", help=what)
    what = "with --engine slurm: options of submitit, for example partition=gpu timeout_min=600"
    parser.add_argument("--slurm", action="extend", nargs="+", default=[], metavar="NAME=VALUE", help=what)
    what = "with --engine ray: options of ray.init, for example address=auto"
    parser.add_argument("--ray", action="extend", nargs="+", default=[], metavar="NAME=VALUE", help=what)
    return parser


def stats_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac stats`."""
    parser = argparse.ArgumentParser(
        prog="sac stats",
        description="What the seeds of an experiment tell: mean, median and interquartile mean with 95 % intervals, "
        "performance profile, final against best, seeds needed. With --against: do two experiments differ by more than "
        "chance, and by how much?",
        epilog="Exit status: 0 no difference shown (or none asked for), 1 a difference, 2 an error, 4 inconclusive. "
        "docs/statistics.md says what each number means and how often each answer is wrong.",
        allow_abbrev=False,
    )
    what = "run folder, or a folder of run folders such as `sac sweep` makes"
    parser.add_argument("runs", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    what = "compare with these runs: an older version's, another machine's, other flags'"
    parser.add_argument("--against", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    what = "column of metrics.csv (default %(default)s)"
    parser.add_argument("--metric", choices=METRICS, default="success_once", help=what)
    what = "of each run: its last evaluation, its best, or the average of all (default %(default)s)"
    parser.add_argument("--at", choices=MOMENTS, default="final", help=what)
    what = f"the difference that would matter (default {DEFAULT_DIFFERENCE} for success rates, none for returns)"
    parser.add_argument("--difference", type=float, metavar="D", help=what)
    what = "probability of showing that difference, for the number of seeds needed (default %(default)s)"
    parser.add_argument("--power", type=float, default=0.8, help=what)
    what = "probability of a false alarm (default %(default)s)"
    parser.add_argument("--alpha", type=float, default=0.05, help=what)
    what = "look after each seed from the 5th on, and stop as soon as the error rate allows"
    parser.add_argument("--sequential", action="store_true", help=what)
    what = "with --sequential: seeds on each side at the last look (default 10)"
    parser.add_argument("--most_seeds", "--most-seeds", type=int, metavar="N", help=what)
    parser.add_argument("--csv", type=os.path.expanduser, metavar="FOLDER", help="write each table as a CSV file")
    parser.add_argument("--markdown", type=os.path.expanduser, metavar="FILE", help="write all tables as Markdown")
    parser.add_argument("--latex", type=os.path.expanduser, metavar="FILE", help="write all tables as LaTeX")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
