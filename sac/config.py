"""The configuration of a run: the flags of `sac train`, their check, and how they are written down."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.errors import UserError
from sac.flags import AlgorithmFlags, EnvironmentFlags, ExperimentFlags, MachineFlags, RunFlags


class BadConfig(UserError, ValueError):
    """A flag's value can't be used; the message names the flag, the value and what would be valid."""


@dataclass(frozen=True)
class TrainConfig(RunFlags, MachineFlags, AlgorithmFlags, EnvironmentFlags, ExperimentFlags):
    """Configuration of one training run; `sac.flags` says what each field means."""

    def __post_init__(self) -> None:
        """Take a list of imports, as JSON has it, for the tuple that it stands for, and `~` for the home folder."""
        names: Any = self.imports
        object.__setattr__(self, "imports", (names,) if isinstance(names, str) else tuple(names))
        for name in ("run_dir", "checkpoint"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, os.path.expanduser(path))

    @property
    def steps_per_env(self) -> int:
        """Steps T that each environment takes in one iteration."""
        return self.training_freq // self.num_envs

    @property
    def grad_steps_per_iteration(self) -> int:
        """Gradient steps U in one iteration."""
        return int(self.training_freq * self.utd)

    @property
    def iterations(self) -> int:
        """Iterations until `total_timesteps`."""
        return -(-self.total_timesteps // self.training_freq)

    def to_dict(self) -> dict[str, Any]:
        """All fields."""
        return dataclasses.asdict(self)

    def to_manifest(self) -> dict[str, Any]:
        """The fields as manifests, ledgers and checkpoints hold them: later ones only where they are not the default.

        So a run that does not use what a release added is written as older releases wrote it, and they can read it.
        """
        fields = {**self.to_dict(), "imports": list(self.imports)}
        return {name: value for name, value in fields.items() if name not in LATER_FIELDS or value}


LATER_FIELDS = frozenset({"reward_mode", "imports"})
"""Fields that earlier releases did not have: absent from a manifest they stand at their defaults, which are empty."""

LAYOUT_FIELDS = frozenset(
    {
        "exp_name",
        "run_dir",
        "log_freq",
        "eval_freq",
        "num_eval_envs",
        "num_eval_steps",
        "eval_partial_reset",
        "eval_reconfiguration_freq",
        "capture_video",
        "save_model",
        "track",
        "wandb_project_name",
        "wandb_entity",
        "wandb_group",
        "tensorboard",
        "progress",
        "ledger_freq",
        "checkpoint_freq",
        "keep_checkpoints",
        "total_timesteps",
        "num_steps",
        "env_vectorization",
        "threads",
        "workers",
        "cuda_graph",
    }
)
"""Fields that never change a training channel; tests/determinism tries each.

Where other kernels than the project's own compute updates, `threads` does: there the fingerprint compares it.
"""

NAMING_FIELDS = frozenset(
    {"exp_name", "run_dir", "track", "progress", "wandb_project_name", "wandb_entity", "wandb_group"}
)
"""Fields that only name or show a run."""


def changed_flags(config: Mapping[str, Any]) -> list[str]:
    """Return the flags that are not defaults as words of a command line, without those that only name or show a run."""
    defaults = TrainConfig().to_manifest()
    known = {field.name for field in dataclasses.fields(TrainConfig)} - NAMING_FIELDS
    changed = {name: value for name, value in config.items() if name in known and value != defaults.get(name)}
    return [word for name, value in changed.items() for word in flag_words(name, value)]


def flag_words(name: str, value: object) -> list[str]:
    """Return one flag as words of a command line: as many as there are values."""
    values = value if isinstance(value, list | tuple) else [value]
    return [flag_word(name, one) for one in values]


def flag_word(name: str, value: object) -> str:
    """Return one flag as a word of a command line; switches have no value there."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{_SPELLED.get(name, name)}={value}"


_SPELLED = {"imports": "import"}
"""Flags whose names Python keeps for itself."""
_CADENCE = re.compile(r"\d{1,9}|\d{1,6}(\.\d{1,6})?m")
_POSITIVE = [
    "num_envs",
    "num_eval_envs",
    "num_eval_steps",
    "num_steps",
    "total_timesteps",
    "buffer_size",
    "batch_size",
    "policy_lr",
    "q_lr",
    "policy_frequency",
    "target_network_frequency",
    "training_freq",
    "log_freq",
    "keep_checkpoints",
]
_NOT_NEGATIVE = ["seed", "learning_starts", "eval_freq", "threads", "ledger_freq", "alpha", "utd"]


def check(config: TrainConfig) -> None:
    """Refuse what can't work, before anything is built.

    Raises:
        BadConfig: a value can't be used; the message names flag, value and what would be valid.
    """
    _check_ranges(config)
    _check_sizes(config)
    _check_refused(config)
    if config.evaluate and config.checkpoint is None:
        raise BadConfig("--evaluate needs a policy: give its file with --checkpoint, for example runs/NAME/policy.pt")
    if config.checkpoint is not None:
        require_policy(Path(config.checkpoint))
    if not _CADENCE.fullmatch(config.checkpoint_freq):
        raise BadConfig(
            f"--checkpoint_freq {config.checkpoint_freq}: must be a number of iterations, or of minutes like 10m, or 0"
        )
    if config.buffer_device not in ("cpu", "cuda"):
        raise BadConfig(f"--buffer_device {config.buffer_device}: must be cpu or cuda")


def require_policy(path: Path) -> None:
    """Refuse a policy file that does not exist.

    Raises:
        BadConfig: it does not exist; the message guesses what was meant.
    """
    if is_file(path):
        return
    if is_file(path / "policy.pt"):
        raise BadConfig(f"--checkpoint {path}: a run folder; did you mean {path / 'policy.pt'}?")
    raise BadConfig(f"--checkpoint {path}: no such file; a run writes its policy to RUN_DIR/policy.pt")


def is_file(path: Path) -> bool:
    """Whether `path` is a file; the system may find its name impossible."""
    try:
        return path.is_file()
    except OSError:  # too long a name, for one
        return False


INTEGER_BOUND = 2**62
"""Integers of a run lie below this, so that sums of them still fit into the 64 bits of counters and of the disk."""


def _check_ranges(config: TrainConfig) -> None:
    for name, value in config.to_dict().items():
        if isinstance(value, int) and abs(value) >= INTEGER_BOUND:
            raise BadConfig(f"--{name} {value}: must be less than 2^62, which is {INTEGER_BOUND}")
        if isinstance(value, float) and not math.isfinite(value):
            raise BadConfig(f"--{name} {value}: must be a finite number")
    for name in _POSITIVE:
        if not getattr(config, name) > 0:
            raise BadConfig(f"--{name} {getattr(config, name)}: must be greater than 0")
    for name in _NOT_NEGATIVE:
        if not getattr(config, name) >= 0:
            raise BadConfig(f"--{name} {getattr(config, name)}: must not be negative")
    for name in ("reconfiguration_freq", "eval_reconfiguration_freq"):
        value = getattr(config, name)
        if value is not None and value < 0:
            raise BadConfig(f"--{name} {value}: must be None or at least 0")
    if not 0 <= config.gamma <= 1:
        raise BadConfig(f"--gamma {config.gamma}: must lie between 0 and 1")
    if not 0 < config.tau <= 1:
        raise BadConfig(f"--tau {config.tau}: must be greater than 0 and at most 1")


MOST_GRADIENT_STEPS = 1_000_000
"""Most gradient steps in one iteration; their random numbers are drawn at once."""


MOST_ENVS = 1_000_000
"""Environments of one kind; a seed is kept for each."""
_MOST_LISTED = 4096
"""Numbers of environments up to which a message lists those that are valid."""


def _check_sizes(config: TrainConfig) -> None:
    steps = config.utd * config.training_freq
    if 0 < steps < 1:
        raise BadConfig(
            f"--utd {config.utd} with --training_freq {config.training_freq} gives no gradient step: give at least "
            f"--utd {1 / config.training_freq}, or 0 to learn nothing"
        )
    if steps > MOST_GRADIENT_STEPS:
        raise BadConfig(
            f"--utd {config.utd} with --training_freq {config.training_freq} gives {steps:.0f} gradient steps in an "
            f"iteration: at most {MOST_GRADIENT_STEPS} are possible"
        )
    if config.training_freq % config.num_envs != 0:
        valid = [n for n in range(1, min(config.training_freq, _MOST_LISTED) + 1) if config.training_freq % n == 0]
        raise BadConfig(
            f"--num_envs {config.num_envs} does not divide --training_freq {config.training_freq}: every environment "
            f"takes the same number of steps in an iteration. Valid for --num_envs: {', '.join(map(str, valid))}; "
            f"or give --training_freq a multiple of {config.num_envs}"
        )
    for name in ("num_envs", "num_eval_envs"):
        if getattr(config, name) > MOST_ENVS:
            raise BadConfig(f"--{name} {getattr(config, name)}: at most {MOST_ENVS} are possible")
    if isinstance(config.workers, int) and not 0 <= config.workers <= config.num_envs:
        raise BadConfig(
            f"--workers {config.workers}: must be auto, serial, or a number from 0 to --num_envs {config.num_envs}, "
            "since every worker holds at least one environment"
        )
    if config.buffer_size < config.batch_size:
        raise BadConfig(
            f"--buffer_size {config.buffer_size} is smaller than --batch_size {config.batch_size}: "
            f"give at least {config.batch_size}"
        )
    if config.buffer_size < config.num_envs * config.steps_per_env:
        raise BadConfig(
            f"--buffer_size {config.buffer_size} does not hold one iteration: give at least {config.training_freq}"
        )


def _check_refused(config: TrainConfig) -> None:
    if config.run_dir == "":
        raise BadConfig('--run_dir "": must not be empty')
    if config.exp_name is not None and (config.exp_name in ("", ".", "..") or "/" in config.exp_name):
        raise BadConfig(f'--exp_name "{config.exp_name}": must be the name of a folder; a path goes to --run_dir')
    if not config.torch_deterministic:
        raise BadConfig("--no-torch_deterministic: use --numerics fast instead; it takes whatever is fastest here")
    if config.save_trajectory:
        raise BadConfig("--save_trajectory: not supported; episode seeds and the ledger reproduce every trajectory")
    if config.save_train_video_freq is not None:
        raise BadConfig("--save_train_video_freq: not supported; --capture_video records evaluations, not training")
