"""Every flag of `sac train` in groups: name, meaning and default.

Names, meanings and defaults are those of ManiSkill's `examples/baselines/sac/sac.py` (docs/differences.md says of which
commit); `MachineFlags` and `RunFlags` are this package's own. The comments under the fields are the help texts of the
command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Numerics = Literal["fast", "deterministic", "portable"]


@dataclass(frozen=True)
class ExperimentFlags:
    """What an experiment is called, and what is kept of it."""

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


@dataclass(frozen=True)
class EnvironmentFlags:
    """The task, and how it is simulated and evaluated."""

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
    reward_mode: str | None = None
    """reward of the task: normalized_dense, dense or sparse; None: normalized_dense where the task has it, else the
    first of its own modes, as ManiSkill chooses"""
    imports: tuple[str, ...] = ()
    """module or Python file that registers a task of your own, for example my_package.tasks; can be given several
    times. `--env_id=my_package.tasks:MyPush-v1` imports its module too"""


@dataclass(frozen=True)
class AlgorithmFlags:
    """SAC's own."""

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


@dataclass(frozen=True)
class MachineFlags:
    """Where and how things are computed."""

    sim_backend: Literal["auto", "physx_cpu", "physx_cuda"] = "auto"
    """physics: PhysX on the CPU, one scene for each environment, or all environments on the GPU"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """where networks live and learn"""
    numerics: Numerics = "deterministic"
    """what is promised: fast (nothing), deterministic (same bits on the same CPU model), portable (on any x86-64)"""
    cuda_graph: bool = True
    """on a GPU, capture an iteration's gradient steps in CUDA graphs; the bits are the same"""
    threads: int = 0
    """CPU threads of the learner; 0: as many as the process may use, at most 8. On x86-64 no bit depends on it"""
    workers: int | Literal["auto", "serial"] = "auto"
    """processes that step physx_cpu environments; auto: one for each core that this process may use, at most num_envs;
    serial or 0: this process steps them. The bits are the same"""
    overlap: bool = False
    """take gradient steps while environments step: an iteration learns from what earlier ones collected. Other
    bits than without it, but the same for any `--workers`; faster if cores are free"""


@dataclass(frozen=True)
class RunFlags:
    """The run folder, and what is written into it."""

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
