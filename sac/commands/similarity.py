"""`sac similarity`: how alike are two policies whose bits differ?"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.commands.evaluate import evaluate_policy, evaluation_config, final_policy, trained_as
from sac.commands.exit_status import OK
from sac.config import BadConfig, TrainConfig, check
from sac.display.terminal import say
from sac.display.visible import one_line
from sac.numerics import profiles
from sac.rollout.episodes import EpisodeLog
from sac.similarity.comparison import Behaviour, compare_behaviour, compare_parameters
from sac.similarity.measures import ParameterDistance
from sac.similarity.observations import Observations, draw_observations, stored_observations
from sac.similarity.saved_actor import SavedActor, read_actor, require_alike
from sac.statistics.tables import Table, number, to_markdown

_ONE_TASK = ("env_id", "control_mode")


@dataclass(frozen=True)
class Agreement:
    """Success of two policies in the same episodes.

    Attributes:
        episodes: how many.
        both: episodes in which both succeeded at least once.
        only_a: those in which A alone did.
        only_b: those in which B alone did.
        neither: the rest.
        return_a: A's mean return, in the task's reward.
        return_b: B's.
    """

    episodes: int
    both: int
    only_a: int
    only_b: int
    neither: int
    return_a: float
    return_b: float

    @property
    def agree(self) -> int:
        """Episodes of which both made the same."""
        return self.both + self.neither


@dataclass(frozen=True)
class Similarity:
    """All that was compared; None stands for what was not, and a note says why."""

    parameters: list[ParameterDistance]
    behaviour: Behaviour
    observations: Observations
    agreement: Agreement | None
    notes: list[str]


def similarity_command(options: argparse.Namespace) -> int:
    """Compare two policies, print what was found, and return 0.

    Raises:
        BadConfig: a flag's value can't be used, or the policies are of unlike tasks or sizes.
    """
    _require_counts(options)
    a, b = (read_actor(side, _path(side, given)) for side, given in (("A", options.a), ("B", options.b)))
    require_alike(a, b)
    _require_one_task(a, b)
    profiles.apply(options.numerics, 0)
    found = _compare(options, a, b)
    say(json.dumps(_as_json(found), allow_nan=False) if options.json else _describe(a, b, found))
    return OK


def _require_counts(options: argparse.Namespace) -> None:
    if options.num_observations < 2:
        raise BadConfig(f"--num_observations {options.num_observations}: must be at least 2")
    if options.episodes < 0:
        raise BadConfig(f"--episodes {options.episodes}: must be 0, to compare none, or greater")


def _path(side: str, given: str) -> Path:
    """The policy file that A or B names.

    Raises:
        BadConfig: there is none.
    """
    try:
        return final_policy(Path(given))
    except BadConfig as error:
        raise BadConfig(str(error).replace("--checkpoint", side, 1)) from error


def _require_one_task(a: SavedActor, b: SavedActor) -> None:
    """Refuse policies whose runs tell that they were trained on unlike tasks.

    Raises:
        BadConfig: they were.
    """
    ours, theirs = trained_as(a.path), trained_as(b.path)
    for name in _ONE_TASK:
        pair = ours.get(name), theirs.get(name)
        if None not in pair and pair[0] != pair[1]:
            raise BadConfig(f"B {b.path}: --{name} is {pair[1]}, that of A {pair[0]}: give two policies of one task")


def _compare(options: argparse.Namespace, a: SavedActor, b: SavedActor) -> Similarity:
    parameters, notes = compare_parameters(a, b)
    config = _task(options, a, b)
    if options.observations:
        sizes = a.observation_dim, a.action_dim
        observations = stored_observations(Path(options.observations), *sizes, options.num_observations)
    else:
        observations = draw_observations(config, options.num_observations)
        _require_sizes(config, observations, a)
    behaviour = compare_behaviour(a, b, observations.values)
    agreement = _agreement(config, a, b, options.episodes) if options.episodes else None
    if agreement is None:
        notes.append("success: not compared: --episodes 0")
    notes += [f"{name}: no CKA: a layer is constant" for name, value in behaviour.cka.items() if value is None]
    return Similarity(parameters, behaviour, observations, agreement, notes)


def _task(options: argparse.Namespace, a: SavedActor, b: SavedActor) -> TrainConfig:
    """The task of both policies, as a run tells it or the flags.

    Raises:
        BadConfig: nothing tells it, and it is needed.
    """
    told = [path for path in (a.path, b.path) if trained_as(path)]
    if options.observations:
        told.append(Path(options.observations) / "policy.pt")
    if not (told or options.env_id) and not options.observations:
        raise BadConfig(f"A {a.path}: no run folder tells the task; give --env_id, or --observations RUN")
    given = argparse.Namespace(**{**vars(options), "episodes": max(1, options.episodes)})
    config = evaluation_config(given, told[0] if told else a.path)
    check(dataclasses.replace(config, checkpoint=str(a.path)))
    return config


def _require_sizes(config: TrainConfig, observations: Observations, a: SavedActor) -> None:
    width = observations.values.shape[1]
    if width != a.observation_dim:
        raise BadConfig(
            f"--env_id {config.env_id}: its observations have {width} numbers, A takes {a.observation_dim}: give the "
            "task that both were trained on"
        )


def _agreement(config: TrainConfig, a: SavedActor, b: SavedActor, episodes: int) -> Agreement:
    """Let both meet the same episodes. All last equally long, so they end in the order of their seeds."""
    logs = [evaluate_policy(dataclasses.replace(config, checkpoint=str(one.path)), episodes) for one in (a, b)]
    return agreement_of(*logs)


def agreement_of(a: EpisodeLog, b: EpisodeLog) -> Agreement:
    """Count agreements of two logs whose episodes are in one order."""
    ours, theirs = (log.values("success_once") > 0 for log in (a, b))
    counts = [int((one & two).sum()) for one in (ours, ~ours) for two in (theirs, ~theirs)]
    both, only_a, only_b, neither = counts
    returns = [float(log.values("return").mean()) for log in (a, b)]
    return Agreement(a.count, both, only_a, only_b, neither, *returns)


def _as_json(found: Similarity) -> dict[str, Any]:
    """All digits; what is not defined or was not compared is null."""
    return {
        "parameters": [dataclasses.asdict(one) for one in found.parameters],
        "observations": {"count": len(found.observations.values), "source": found.observations.source},
        "behaviour": dataclasses.asdict(found.behaviour),
        "agreement": None if found.agreement is None else dataclasses.asdict(found.agreement),
        "notes": found.notes,
    }


def _describe(a: SavedActor, b: SavedActor, found: Similarity) -> str:
    """The same for people."""
    lines = [one_line(f"A: {a.path}"), one_line(f"B: {b.path}"), ""]
    lines += [to_markdown(_parameter_table(found.parameters)), "", to_markdown(_behaviour_table(found.behaviour))]
    lines += ["", one_line(f"observations: {found.observations.source}")]
    if found.agreement is not None:
        lines += ["", *_agreement_lines(found.agreement)]
    return "\n".join([*lines, *(one_line(f"note: {note}") for note in found.notes)])


def _agreement_lines(found: Agreement) -> Sequence[str]:
    return (
        f"success in the same {found.episodes} episodes: {found.agree} agree "
        f"({found.both} both succeed, {found.neither} neither; {found.only_a} A alone, {found.only_b} B alone)",
        f"mean return of these: A {number(found.return_a)}, B {number(found.return_b)}",
    )


def _parameter_table(rows: Sequence[ParameterDistance]) -> Table:
    columns = ("layer", "parameters", "L2 of A - B", "L2 / that of A", "cosine", "largest difference", "bits")
    cells = [
        (
            one.layer,
            one.count,
            one.distance,
            one.relative,
            None if one.cosine is None else f"{one.cosine:.9g}",
            one.largest,
            "equal" if one.bits_equal else "differ",
        )
        for one in rows
    ]
    return Table("parameters", "Parameters", columns, tuple(cells))


def _behaviour_table(found: Behaviour) -> Table:
    rows = [
        ("action distance, L2 of tanh(mean)", found.action.mean, found.action.max),
        ("KL(A, B), nats", found.kl_a_b.mean, found.kl_a_b.max),
        ("KL(B, A), nats", found.kl_b_a.mean, found.kl_b_a.max),
    ]
    cka = [(f"linear CKA of {name}, 0 to 1", None if v is None else f"{v:.9g}", None) for name, v in found.cka.items()]
    return Table("behaviour", "On the same observations", ("measure", "mean or value", "max"), (*rows, *cka))
