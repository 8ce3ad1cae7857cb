"""Another algorithm than SAC, or the learner and the environments out of step."""

from tools.mutants.mutant import Mutant, Room

SAC = "sac/learner/sac.py"
NETWORKS = "sac/learner/networks.py"
MLP = "sac/learner/mlp.py"
TRAINER = "sac/trainer.py"
LOSS = "update.critic_loss"
"""Gradient steps of one iteration feed back: the second one's critic loss shows what the first one did to anything."""

ROOM = Room(
    "learner",
    ("tests/unit/learner/test_sac.py", "tests/unit/learner/test_portable.py"),
    (
        Mutant(
            "discounted twice",
            SAC,
            "self.config.gamma * soft_value",
            "self.config.gamma**2 * soft_value",
            "another discount",
            LOSS,
        ),
        Mutant(
            "the higher critic",
            SAC,
            "torch.amin(next_q, dim=0)",
            "torch.amax(next_q, dim=0)",
            "targets take the higher of the two values",
            LOSS,
        ),
        Mutant(
            "entropy punished",
            SAC,
            "- alpha * next_sample.log_prob",
            "+ alpha * next_sample.log_prob",
            "the soft value has the wrong sign",
            LOSS,
        ),
        Mutant(
            "ends ignored",
            SAC,
            "(1 - batch.stop_bootstrap) * self.config.gamma",
            "self.config.gamma",
            "the value is bootstrapped beyond the end",
            LOSS,
        ),
        Mutant("targets too slow", SAC, "config.tau)", "config.tau / 2)", "targets follow at half the rate", LOSS),
        Mutant(
            "targets every other step",
            SAC,
            "state.updates % config.target_network_frequency == 0",
            "state.updates % (2 * config.target_network_frequency) == 0",
            "every second target update is left out",
            LOSS,
        ),
        Mutant(
            "half the policy's rate",
            SAC,
            "self.config.policy_lr)",
            "self.config.policy_lr * 0.5)",
            "another learning rate of the actor",
            LOSS,
        ),
        Mutant(
            "another entropy wanted",
            SAC,
            "self.target_entropy = -float(spec.action_dim)",
            "self.target_entropy = -0.5 * float(spec.action_dim)",
            "the temperature goes to another entropy",
            LOSS,
        ),
        Mutant(
            "temperature runs away",
            SAC,
            "return -(alpha * (log_prob + self.target_entropy).mean())",
            "return alpha * (log_prob + self.target_entropy).mean()",
            "the temperature's gradient has the wrong sign",
            LOSS,
        ),
        Mutant(
            "actor climbs the higher critic",
            SAC,
            "lowest, which = torch.min(q, dim=0)",
            "lowest, which = torch.max(q, dim=0)",
            "the actor's loss takes the higher of the two values",
            LOSS,
        ),
        Mutant(
            "one noise for both actions",
            SAC,
            "noise.flatten(0, 1))",
            "noise[:1].expand(2, -1, -1).flatten(0, 1))",
            "the actor's own action shares the noise of the target's",
            LOSS,
        ),
        Mutant(
            "gradient of one critic",
            SAC,
            "self.critics.backward(activations, error * (2 / error.shape[1]))",
            "self.critics.backward(activations, error.roll(1, 0) * (2 / error.shape[1]))",
            "each critic learns from the other's error",
            LOSS,
        ),
        Mutant(
            "loss told by half",
            SAC,
            "return error.square().mean(dim=1), q",
            "return error.square().mean(dim=1) / 2, q",
            "the critic's loss that is told is half of what it is",
            LOSS,
        ),
        Mutant(
            "targets begin elsewhere",
            SAC,
            "target.flat.copy_(critic.flat)",
            "target.flat.copy_(0.99 * critic.flat)",
            "targets do not begin as the critics",
            "param.target",
        ),
        Mutant(
            "wider policy",
            NETWORKS,
            "LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0",
            "LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0",
            "another range of the policy's deviation",
            "update.critic_loss",
        ),
        Mutant(
            "squashing counted by half",
            NETWORKS,
            "log_squash = 2 * (",
            "log_squash = 1 * (",
            "the change of variables is wrong in the log-probability",
            LOSS,
        ),
        Mutant(
            "mean not squashed",
            NETWORKS,
            "return _tanh(mean) * scale.scale + scale.bias",
            "return mean * scale.scale + scale.bias",
            "evaluation takes actions outside the box",
            "eval.action",
        ),
        Mutant(
            "box not centred",
            NETWORKS,
            "action=squashed * scale.scale + scale.bias",
            "action=squashed * scale.scale",
            "actions of a crooked box are moved; the point task's is straight",
        ),
        Mutant(
            "fan out for fan in",
            NETWORKS,
            "1.0 / math.sqrt(weight.shape[-2])",
            "1.0 / math.sqrt(weight.shape[-1])",
            "another initialisation",
            "param.critic",
            tests=("tests/unit/learner",),
        ),
        Mutant(
            "leaky gradient",
            MLP,
            "threshold_backward.grad_input(gradient, below, 0,",
            "threshold_backward.grad_input(gradient, below, 0.01,",
            "units near their kink take no gradient",
            LOSS,
        ),
        Mutant(
            "bias gradients averaged",
            MLP,
            "layer.bias_gradient.copy_(gradient.sum(dim=batch_axis)",
            "layer.bias_gradient.copy_(gradient.mean(dim=batch_axis)",
            "biases learn from a share of the batch",
            LOSS,
        ),
        Mutant(
            "second moments forget",
            "sac/numerics/adam.py",
            "beta2=0.999",
            "beta2=0.99",
            "another optimizer",
            LOSS,
        ),
        Mutant(
            "tanh of the library",
            NETWORKS,
            "return 2 * torch.sigmoid(2 * x) - 1",
            "return torch.tanh(x)",
            "a function whose last bit is the CPU vendor's: goldens hold on one vendor alone",
            "eval.action",
        ),
        Mutant(
            "exp of the library",
            NETWORKS,
            "return torch.expm1(x) + 1",
            "return torch.exp(x)",
            "a function whose last bit is the CPU vendor's: goldens hold on one vendor alone",
            "update.critic_loss",
        ),
    ),
    kernels=False,
)

OVERLAP = Room(
    "overlap",
    ("tests/unit/test_plain_run.py", "tests/unit/learner/test_gradient_steps.py", "tests/determinism/test_overlap.py"),
    (
        Mutant(
            "policy copied once",
            "sac/learner/overlap.py",
            "        self._parameters.flat.copy_(self._learner.state.actor.flat)",
            "        if not self._parameters.flat.any():\n"
            "            self._parameters.flat.copy_(self._learner.state.actor.flat)",
            "environments go on acting by the policy of the beginning",
            "rollout.action",
            flags=("--overlap",),
        ),
        Mutant(
            "policy not copied at all",
            "sac/learner/overlap.py",
            "sample_policy(self._actor.forward(observation)[-1]",
            "sample_policy(self._learner.actor.forward(observation)[-1]",
            "environments act by parameters that the learner is changing",
            "rollout.action",
            flags=("--overlap",),
        ),
        Mutant(
            "stored before it learns",
            TRAINER,
            "chunks = self._chunks(recorded) if self._learning_due() else None",
            "chunks: ChunkedSteps | None = None",
            "the overlapped iteration learns from what it has just collected",
            "replay.index",
            more=(
                (
                    "        training.store(rollout)\n        self.logs.book",
                    "        training.store(rollout)\n"
                    "        chunks = self._chunks(recorded) if self._learning_due() else None\n"
                    "        for _ in range(self.config.steps_per_env if chunks else 0):\n"
                    "            chunks.take_chunk()  # type: ignore[union-attr]\n"
                    "        self.logs.book",
                ),
            ),
            flags=("--overlap",),
        ),
        Mutant(
            "chunks rounded down",
            "sac/learner/overlap.py",
            "[(chunk + 1) * count // chunks - chunk * count // chunks for",
            "[max(1, count // chunks) for",
            "an iteration takes fewer gradient steps than asked for",
            "replay.index",
            flags=("--overlap", "--utd=0.4"),
        ),
        Mutant(
            "chunks out of order",
            "sac/learner/gradient_steps.py",
            "for cut in self._pending.pop(0):",
            "for cut in self._pending.pop():",
            "gradient steps are taken in another order",
            "replay.batch",
            flags=("--overlap",),
        ),
        Mutant(
            "line written too late",
            TRAINER,
            "            self._settle_last()\n            begun = time.perf_counter()",
            "            begun = time.perf_counter()",
            "a line that is left to be written tells of the learner after the next gradient steps",
            more=(
                (
                    "training.collector.collect(warm_up, meanwhile)\n",
                    "training.collector.collect(warm_up, meanwhile)\n        self._settle_last()\n",
                ),
            ),
            tests=("tests/unit/ledger/test_recorder.py",),
        ),
    ),
)
