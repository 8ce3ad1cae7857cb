"""An update by the project's own kernels that is another one than SAC's, or one that depends on threads."""

from tools.mutants.mutant import Mutant, Room
from tools.mutants.tables.learning import LOSS

LOSSES = "sac/kernels/losses.py"

ROOM = Room(
    "kernels",
    ("tests/unit/kernels", "tests/unit/learner/test_fixed_order.py"),
    (
        Mutant(
            "kernels: one critic in the target",
            LOSSES,
            "_minimum(code, *(code.load(base, at) for base in targets))",
            "code.load(targets[0], at)",
            "targets take the first critic's value, whatever the second's is",
            LOSS,
        ),
        Mutant(
            "kernels: ends ignored",
            LOSSES,
            "code.mul(code.sub(1.0, code.load(stop, far)), gamma)",
            "gamma",
            "the value is bootstrapped beyond the end",
            LOSS,
        ),
        Mutant(
            "kernels: the actor climbs both critics",
            LOSSES,
            'code.where("<", other, one, share, 0.0)',
            "share",
            "the actor's gradient goes through the higher value too",
            LOSS,
        ),
        Mutant(
            "kernels: squashing counted by half",
            "sac/kernels/policy.py",
            "return code.mul(rest, 2.0)",
            "return code.mul(rest, 1.0)",
            "the change of variables is wrong in the log-probability",
            LOSS,
        ),
        Mutant(
            "kernels: another epsilon",
            "sac/kernels/optimizer.py",
            "BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8",
            "BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-5",
            "another optimizer",
            LOSS,
        ),
        Mutant(
            "kernels: exp of few terms",
            "sac/kernels/functions.py",
            "for n in range(2, 9))",
            "for n in range(2, 5))",
            "a function of four digits",
            LOSS,
        ),
        Mutant(
            "kernels: targets every other step",
            "sac/learner/fixed_order.py",
            "% self.config.target_network_frequency == 0",
            "% (2 * self.config.target_network_frequency) == 0",
            "every second target update is left out",
            LOSS,
        ),
        Mutant(
            "kernels: old targets",
            "sac/learner/fixed_order_plan.py",
            "for layers in (self._actor, *self._critics, *self._targets):",
            "for layers in (self._actor, *self._critics):",
            "targets' padded copies are never brought up to date",
            LOSS,
        ),
        Mutant(
            "kernels: NaN made zero",
            "sac/kernels/products.py",
            'value = code.where("<=", value, 0.0, 0.0, value)',
            'value = code.where(">", value, 0.0, value, 0.0)',
            "a layer's ReLU hides what is not a number",
        ),
        Mutant(
            "kernels: later chunks alone",
            "sac/kernels/products.py",
            "if ending is Ending.CONTINUED:",
            "if ending is None:",
            "weight gradients forget all chunks of the batch but the last; the point task's batch is one chunk",
        ),
        Mutant(
            "kernels: nobody waits",
            "sac/kernels/runner.py",
            'builder.icmp_signed("<", arrived, threads)',
            'builder.icmp_signed("<", arrived, ir.Constant(I64, 1))',
            "threads begin a phase before the others have ended the last one; one thread has no others",
        ),
    ),
)
