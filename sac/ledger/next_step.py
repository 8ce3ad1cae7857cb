"""What to run next after two ledgers were seen to differ: the command that brings the answer nearer."""

from __future__ import annotations

from typing import NamedTuple

from sac.config import TrainConfig, changed_flags, flag_word
from sac.display import shell
from sac.ledger.channels import ROLLOUT
from sac.ledger.headers import ABSENT, SIMULATOR, HeaderDifference, HeaderDifferences


class NextStep(NamedTuple):
    """What to do next.

    Attributes:
        command: words of a command line; empty where no command helps.
        remark: where to run it, or what it shows; the whole advice where there is no command.
    """

    command: tuple[str, ...]
    remark: str = ""

    @property
    def text(self) -> str:
        """The advice for people, with the command in backquotes."""
        return f"`{shell.join(self.command)}`{self.remark}" if self.command else self.remark


class Question(NamedTuple):
    """What is known of a first difference before anything else is run.

    Attributes:
        channel: the first differing channel.
        iteration: the iteration at which it differs.
        global_step: env steps at its end.
        has_unproven_inputs: whether the ledgers leave open that the channel's inputs were equal.
        has_rivals: whether another channel may have differed earlier within the iteration.
    """

    channel: str
    iteration: int
    global_step: int
    has_unproven_inputs: bool
    has_rivals: bool


def next_step(question: Question, headers: HeaderDifferences) -> NextStep:
    """Name the command that brings the answer nearer.

    Args:
        question: what is known of the difference.
        headers: what the ledgers' headers hold differently.
    """
    differences = headers.suspects or headers.harmless
    if differences and all(difference.is_of_machine for difference in differences):
        return NextStep(("sac", "doctor"), f" on both machines{_portable_remark(differences, headers)}")
    varied = [difference for difference in differences if _can_be_varied(difference)]
    if headers.suspects and not varied:
        return NextStep((), "train both with the same flags and the same release of `sac`, then compare again")
    changes, remark = _closer_look(question, headers)
    if varied:
        remark = f"{remark}; it parts at the same place if nothing else is the cause"
    gone = {*changes, *(difference.name for difference in varied)}
    words = changed_flags({name: value for name, value in headers.config.items() if name not in gone})
    words += [flag_word(name, value) for name, value in changes.items()]
    words += [word for name, a, b in varied for word in ("--vary", f"{name}={a},{b}")]
    return NextStep(("sac", "twin", *words), remark)


def _can_be_varied(difference: HeaderDifference) -> bool:
    """Tell whether `sac twin --vary` can give its runs the two values."""
    name, a, b = difference
    known = name in TrainConfig().to_dict() and name not in ("ledger_freq", "evaluate")
    return known and ABSENT not in (a, b) and "," not in f"{a}{b}"


def _portable_remark(differences: tuple[HeaderDifference, ...], headers: HeaderDifferences) -> str:
    """Say what the numerics profile has to do with a difference between machines."""
    if not headers.portable:
        return "; equal bits on unlike CPUs need --numerics=portable"
    if any(difference.name.startswith(SIMULATOR) for difference in differences):
        return "; their simulators compute unlike each other, though --numerics=portable makes reciprocals exact"
    return "; under --numerics=portable the CPU model must not matter, so a difference is a fault worth reporting"


def _closer_look(question: Question, headers: HeaderDifferences) -> tuple[dict[str, int], str]:
    """Return flags under which a twin shows the place, more closely where that is possible, and why these."""
    changes = {"total_timesteps": max(1, question.global_step)}
    if question.has_unproven_inputs and question.iteration:
        return {**changes, "ledger_freq": 1}, ", for a ledger without gaps"
    if question.has_rivals and question.channel in ROLLOUT and _has_several_steps(headers):
        changes["training_freq"] = headers.config["num_envs"]
        return changes, ", which tells the env steps of an iteration apart"
    return changes, ""


def _has_several_steps(headers: HeaderDifferences) -> bool:
    """Tell whether iterations can be made shorter, with a gradient step still in each."""
    try:
        width = int(headers.config["num_envs"])
        return width < int(headers.config["training_freq"]) and width * float(headers.config["utd"]) >= 1
    except (KeyError, TypeError, ValueError):
        return False
