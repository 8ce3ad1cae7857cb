"""`sac eval`, and `sac train --evaluate`: how good is a saved policy?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sac.config import BadConfig, TrainConfig, check, is_file, require_policy
from sac.display.terminal import say
from sac.display.visible import one_line
from sac.envs.make import make_eval_envs, resolve_device
from sac.envs.workers.pool import resolve_workers
from sac.learner.factory import make_learner
from sac.learner.finite import first_not_finite
from sac.numerics import profiles
from sac.rollout.episodes import EpisodeLog, wilson_interval
from sac.rollout.evaluation import evaluate
from sac.run import policy_file
from sac.run.manifest import read_manifest
from sac.untrusted.fields import optional, text
from sac.untrusted.file import Unreadable


def evaluate_command(options: argparse.Namespace) -> int:
    """Evaluate `options.checkpoint` over `options.episodes` episodes; print the result and return 0.

    Raises:
        BadConfig: an option can't be used, or the policy does not exist.
    """
    if options.episodes < 1:
        raise BadConfig(f"--episodes {options.episodes}: must be greater than 0")
    checkpoint = final_policy(Path(options.checkpoint))
    config = evaluation_config(options, checkpoint)
    log = evaluate_policy(config, options.episodes)
    say(json.dumps(summary(log), allow_nan=False) if options.json else describe(config, log))
    return 0


def evaluation_config(options: argparse.Namespace, checkpoint: Path) -> TrainConfig:
    """Return the flags of an evaluation: those that are given, else those of the run that holds the policy.

    Raises:
        BadConfig: neither tells the task.
    """
    named = options.env_id and options.control_mode and options.reward_mode
    trained = {} if named else trained_as(checkpoint)
    fields: dict[str, Any] = {
        "env_id": options.env_id or _text(trained, "env_id"),
        "control_mode": options.control_mode or _text(trained, "control_mode") or TrainConfig.control_mode,
        "reward_mode": options.reward_mode or _text(trained, "reward_mode"),
        "imports": options.imports or _names(trained.get("imports")),
        "num_eval_envs": min(options.num_eval_envs, options.episodes),
        "checkpoint": str(checkpoint),
        "seed": options.seed,
        "numerics": options.numerics,
    }
    if fields["env_id"] is None:
        raise BadConfig(f"--env_id: no manifest.json beside {checkpoint} tells the task; name it")
    return dataclasses.replace(TrainConfig(), num_eval_steps=10_000_000, evaluate=True, **fields)


def evaluate_as_configured(config: TrainConfig) -> int:
    """Run `sac train --evaluate`: one round of `--num_eval_envs` environments for `--num_eval_steps` steps."""
    log = evaluate_policy(config, episodes=None)
    say(describe(config, log))
    if config.capture_video:
        say("no videos: --capture_video films the evaluations of a training run")
    return 0


def evaluate_policy(config: TrainConfig, episodes: int | None) -> EpisodeLog:
    """Evaluate `config.checkpoint`.

    Args:
        config: task, seed, environments and steps.
        episodes: number of whole episodes; None: one round of `num_eval_steps` steps.
    """
    check(config)
    # A damaged file is refused before environments are built.
    policy_file.read(Path(str(config.checkpoint)))
    device = resolve_device(config)
    profiles.apply(config.numerics, config.threads)
    workers = resolve_workers(config.workers, config.num_eval_envs)
    with closing(make_eval_envs(config, device, workers=workers)) as envs:
        learner = make_learner(config, envs.spec, device)
        policy_file.load_actor(Path(str(config.checkpoint)), learner)
        where = first_not_finite(learner.state.actor.flat, learner.state.actor)
        if where:
            raise BadConfig(f"--checkpoint {config.checkpoint}: actor: {where}: it has diverged, or is damaged")
        if episodes is None:
            return evaluate(envs, learner.act_mean, config.num_eval_steps).episodes
        log, first = EpisodeLog(), 0
        while log.count < episodes:
            found = evaluate(envs, learner.act_mean, envs.spec.max_episode_steps, first).episodes
            first += 1
            log.extend(found, episodes - log.count)
        return log


def summary(log: EpisodeLog) -> dict[str, Any]:
    """Return means, and a 95 % confidence interval of each rate and of the return."""
    means = log.means()
    rates = {
        name: wilson_interval(float(log.values(name).sum()), log.count) for name in ("success_once", "success_at_end")
    }
    returns = log.values("return")
    intervals: dict[str, list[float] | None] = {name: list(pair) for name, pair in rates.items()}
    # One episode says nothing about how much they vary.
    half = 1.96 * float(returns.std()) / math.sqrt(log.count) if log.count > 1 else None
    intervals["return"] = None if half is None else [means["return"] - half, means["return"] + half]
    return {"episodes": log.count, "means": means, "intervals_95": intervals}


def describe(config: TrainConfig, log: EpisodeLog) -> str:
    """Return the summary for people."""
    found = summary(log)
    lines = [one_line(f"{config.env_id}: {log.count} episodes of {config.checkpoint}")]
    for name, interval in found["intervals_95"].items():
        shown = "unknown" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
        lines.append(f"  {name:15} {found['means'][name]:.3f}   95 % interval {shown}")
    lines.append(f"  {'episode_len':15} {found['means']['episode_len']:.1f}")
    return "\n".join(lines)


def final_policy(path: Path) -> Path:
    """Return the policy that `--checkpoint` names: a file, or the final policy of a run folder.

    Raises:
        BadConfig: it does not exist.
    """
    final = path / "policy.pt"
    found = final if is_file(final) else path
    require_policy(found)
    return found


def _text(trained: Mapping[str, Any], name: str) -> str | None:
    """A flag that a manifest holds, which may have been edited.

    Raises:
        BadConfig: it is no text.
    """
    value = trained.get(name)
    try:
        return None if value is None else text(value)
    except Unreadable as error:
        raise BadConfig(f"manifest.json of the run: --{name}: {error}; give --{name}") from error


def _names(found: object) -> list[str]:
    """The modules that a manifest names; it may have been edited."""
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def trained_as(checkpoint: Path) -> dict[str, Any]:
    """Return the configuration of the run that holds `checkpoint`; empty if there is none."""
    for folder in (checkpoint.parent, checkpoint.parent.parent):
        try:
            manifest = read_manifest(folder / "manifest.json")
        except Unreadable as error:
            if not error.missing:
                raise BadConfig(
                    f"{error}. Or name what it tells: --env_id, --control_mode and --reward_mode"
                ) from error
            continue
        return optional(manifest, "config", dict, {})
    return {}
