"""Every flag of `sac train`: name, meaning, default and check.

Names, meanings and defaults are those of ManiSkill's `examples/baselines/sac/sac.py`; this project's own come last.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sac.errors import UserError

Numerics = Literal["fast", "deterministic", "portable"]


class BadConfig(UserError, ValueError):
    """A flag's value can't be used; the message names the flag, the value and what would be valid."""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of one training run; the text below a field is its help on the command line."""

    exp_name: str | None = None
    """name of this experiment; names the run folder `runs/<exp_name>`"""
    seed: int = 1
    """root seed: every random number of the run is a function of it"""
    torch_deterministic: bool = True
    """kept for ManiSkill's command lines; `--no-torch_deterministic` is refused: use `--numerics fast`"""
    cuda: bool = True
    """let `--device auto` take a CUDA device"""
    track: bool = False
    """log to Weights & Biases too (needs the package wandb)"""
    wandb_project_name: str = "ManiSkill"
    """project name for `--track`"""
    wandb_entity: str | None = None
    """entity (team) for `--track`"""
    wandb_group: str = "SAC"
    """group of the run for `--track`"""
    capture_video: bool = True
    """record videos of evaluations into `videos/` if a renderer exists"""
    save_trajectory: bool = False
    """kept for ManiSkill's command lines; refused: the ledger and (seed, actions) reproduce every trajectory"""
    save_model: bool = True
    """save policy files: `policy.pt` at the end, and `checkpoints/policy_<step>.pt` at each evaluation"""
    evaluate: bool = False
    """only evaluate the policy of `--checkpoint`"""
    checkpoint: str | None = None
    """policy file to start from, or to evaluate"""
    log_freq: int = 1_000
    """write losses and times every so many env steps"""

    env_id: str = "PickCube-v1"
    """task, for example StackCube-v1; `Point-v1` is a tiny built-in task"""
    env_vectorization: str = "gpu"
    """kept for ManiSkill's command lines; has no effect there either: use `--sim_backend`"""
    num_envs: int = 16
    """number of parallel environments"""
    num_eval_envs: int = 16
    """number of parallel evaluation environments"""
    partial_reset: bool = False
    """end a training episode also at termination, not only at truncation"""
    eval_partial_reset: bool = False
    """end an evaluation episode also at termination, not only at truncation"""
    num_steps: int = 50
    """kept for ManiSkill's command lines: it only spaces training videos there"""
    num_eval_steps: int = 50
    """steps of each evaluation environment during one evaluation"""
    reconfiguration_freq: int | None = None
    """rebuild a training environment's scene at every n-th reset; None: only once"""
    eval_reconfiguration_freq: int | None = 1
    """rebuild an evaluation environment's scene at every n-th reset; None: only once"""
    eval_freq: int = 25
    """evaluate every so many env steps; 0: never. The default is ManiSkill's and evaluates after every iteration: on a
    CPU choose something like 50_000"""
    save_train_video_freq: int | None = None
    """kept for ManiSkill's command lines; refused: training videos are not recorded, evaluation videos are"""
    control_mode: str | None = "pd_joint_delta_pos"
    """control mode of the robot; None: the task's default"""

    total_timesteps: int = 1_000_000
    """env steps to train for, all environments together"""
    buffer_size: int = 1_000_000
    """capacity of the replay buffer in transitions"""
    buffer_device: str = "cuda"
    """where the replay buffer lives, cpu or cuda; cuda means cpu if training runs on the CPU"""
    gamma: float = 0.8
    """discount factor"""
    tau: float = 0.01
    """target smoothing coefficient"""
    batch_size: int = 1024
    """transitions in one gradient step"""
    learning_starts: int = 4_000
    """env steps with uniform actions before learning starts"""
    policy_lr: float = 3e-4
    """learning rate of the actor"""
    q_lr: float = 3e-4
    """learning rate of the critics and of the temperature"""
    policy_frequency: int = 1
    """update the actor at every n-th gradient step"""
    target_network_frequency: int = 1
    """update the target critics at every n-th gradient step"""
    alpha: float = 0.2
    """temperature, if it is not tuned"""
    autotune: bool = True
    """tune the temperature towards the target entropy, which is minus the number of action components"""
    training_freq: int = 64
    """env steps in one iteration, all environments together"""
    utd: float = 0.5
    """gradient steps for each env step"""
    bootstrap_at_done: Literal["always", "never", "truncated"] = "always"
    """bootstrap from the next observation when an episode ends: always, never, or only if it was truncated"""

    sim_backend: Literal["auto", "physx_cpu", "physx_cuda"] = "auto"
    """physics: PhysX on the CPU, one scene for each environment, or all environments on the GPU"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where networks live and learn"""
    numerics: Numerics = "deterministic"
    """what is promised: fast (nothing), deterministic (same bits on the same CPU model), portable (on any x86-64)"""
    cuda_graph: bool = True
    """on a GPU, capture an iteration's gradient steps in CUDA graphs; the bits are the same"""
    threads: int = 0
    """CPU threads of the learner; 0: as many as the process may use, at most 8. Another number gives other bits"""
    workers: int | Literal["auto", "serial"] = "auto"
    """processes that step physx_cpu environments; auto: one for each core that this process may use, at most num_envs;
    serial or 0: this process steps them. The bits are the same"""
    overlap: bool = False
    """take gradient steps while environments step: an iteration learns from what earlier ones collected. Other
    bits than without it, but the same for any `--workers`; faster if cores are free"""
    run_dir: str | None = None
    """run folder; default `runs/<exp_name>`, or a new name from task and seed"""
    checkpoint_freq: str = "10m"
    """write a checkpoint for `--resume` every so many iterations, or minutes (`10m`); 0: only when a signal stops the
    run"""
    keep_checkpoints: int = 2
    """number of checkpoints to keep"""
    ledger_freq: int = 1
    """write a ledger line at every n-th iteration; 0: no ledger"""
    tensorboard: bool = True
    """write TensorBoard events"""
    progress: bool = True
    """show a progress bar on a terminal"""

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
        """All fields, for the manifest."""
        return dataclasses.asdict(self)


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
        "workers",
        "cuda_graph",
    }
)
"""Fields that never change a training channel; tests/determinism tries each."""

NAMING_FIELDS = frozenset(
    {"exp_name", "run_dir", "track", "progress", "wandb_project_name", "wandb_entity", "wandb_group"}
)
"""Fields that only name or show a run."""


def changed_flags(config: Mapping[str, Any]) -> list[str]:
    """Return the flags that are not defaults as words of a command line, without those that only name or show a run."""
    defaults = TrainConfig().to_dict()
    return [
        flag_word(name, value)
        for name, value in config.items()
        if name in defaults and value != defaults[name] and name not in NAMING_FIELDS
    ]


def flag_word(name: str, value: object) -> str:
    """Return one flag as a word of a command line; switches have no value there."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name}={value}"


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


def _check_ranges(config: TrainConfig) -> None:
    for name, value in config.to_dict().items():
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
        valid = [n for n in range(1, config.training_freq + 1) if config.training_freq % n == 0]
        raise BadConfig(
            f"--num_envs {config.num_envs} does not divide --training_freq {config.training_freq}: every environment "
            f"takes the same number of steps in an iteration. Valid for --num_envs: {', '.join(map(str, valid))}; "
            f"or give --training_freq a multiple of {config.num_envs}"
        )
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
