"""Triton kernels for what a gradient step does between its matrix products, on a GPU.

Each kernel does in one launch what takes a dozen element-wise operations in `networks` and `sac`, whose equations
are the reference; a test compares the two. No kernel uses atomic operations, and every sum has a fixed order, so equal
inputs give equal bits.

Shapes: E critics, B transitions, A action components, H units in the last hidden layer. Tensors are float32.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from sac.learner.networks import LOG_STD_MAX, LOG_STD_MIN, ActionScale, PolicySample
from sac.state import AdamState

_STD_MIN = tl.constexpr(LOG_STD_MIN)
_STD_HALF_RANGE = tl.constexpr(0.5 * (LOG_STD_MAX - LOG_STD_MIN))
_LOG_2 = tl.constexpr(math.log(2.0))
_HALF_LOG_2_PI = tl.constexpr(0.5 * math.log(2.0 * math.pi))
_ROWS = 8
"""Rows of the batch that one program works on."""


@triton.jit
def _tanh(x):
    return 2 / (1 + tl.exp(-2 * x)) - 1


@triton.jit
def _softplus(x):
    return tl.maximum(x, 0.0) + tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def _sample_kernel(
    head, noise, scale, bias, action, action_stride, log_prob, squashed, spread, slope, log_scale_sum, rows,
    A: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * R + tl.arange(0, R)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < A)
    at = row[:, None] * A + column[None, :]
    head_at = row[:, None] * (2 * A) + column[None, :]
    mean = tl.load(head + head_at, mask=inside, other=0.0)
    raw = _tanh(tl.load(head + head_at + A, mask=inside, other=0.0))
    drawn = tl.load(noise + at, mask=inside, other=0.0)
    # Constants stand on the right: with one on the left, Triton's interpreter (3.7 to 3.9) makes a constant of the sum.
    log_std = (raw + 1) * _STD_HALF_RANGE + _STD_MIN
    scaled = tl.exp(log_std) * drawn
    pre_squash = mean + scaled
    squash = _tanh(pre_squash)
    log_normal = -0.5 * drawn * drawn - log_std - _HALF_LOG_2_PI
    log_squash = -2 * (pre_squash - _LOG_2 + _softplus(-2 * pre_squash))
    total = tl.sum(tl.where(inside, log_normal - log_squash, 0.0), axis=1) - log_scale_sum
    tl.store(log_prob + row, total, mask=row < rows)
    width = tl.load(scale + column, mask=column < A, other=0.0)
    centre = tl.load(bias + column, mask=column < A, other=0.0)
    tl.store(action + row[:, None] * action_stride + column[None, :], squash * width + centre, mask=inside)
    tl.store(squashed + at, squash, mask=inside)
    tl.store(spread + at, scaled, mask=inside)
    tl.store(slope + at, (1 - raw * raw) * _STD_HALF_RANGE, mask=inside)


def sample_policy(head: torch.Tensor, scale: ActionScale, noise: torch.Tensor, out: PolicySample) -> None:
    """Write `networks.sample_policy` of heads (B, 2A) and noise (B, A) to `out`, whose actions may be strided."""
    rows, actions = noise.shape
    _sample_kernel[(triton.cdiv(rows, _ROWS),)](
        head, noise, scale.scale, scale.bias, out.action, out.action.stride(0), out.log_prob, out.squashed, out.spread,
        out.slope, scale.log_scale_sum, rows, A=actions, PADDED=triton.next_power_of_2(actions), R=_ROWS, num_warps=4,
    )  # fmt: skip


@triton.jit
def _head_gradient_kernel(
    action_gradient, squashed, spread, slope, scale, log_alpha, out, rows,
    A: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr, E: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * R + tl.arange(0, R)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < A)
    at = row[:, None] * A + column[None, :]
    through = tl.zeros((R, PADDED), tl.float32)
    for e in tl.static_range(E):
        through += tl.load(action_gradient + e * rows * A + at, mask=inside, other=0.0)
    squash = tl.load(squashed + at, mask=inside, other=0.0)
    width = tl.load(scale + column, mask=column < A, other=0.0)
    log_prob_gradient = tl.exp(tl.load(log_alpha)) / rows
    pre_squash = 2 * log_prob_gradient * squash + through * width[None, :] * (1 - squash * squash)
    log_std = pre_squash * tl.load(spread + at, mask=inside, other=0.0) - log_prob_gradient
    head_at = row[:, None] * (2 * A) + column[None, :]
    tl.store(out + head_at, pre_squash, mask=inside)
    tl.store(out + head_at + A, log_std * tl.load(slope + at, mask=inside, other=0.0), mask=inside)


def head_gradient(
    sample: PolicySample, scale: ActionScale, log_alpha: torch.Tensor, action_gradient: torch.Tensor, out: torch.Tensor
) -> None:
    """Write `networks.policy_gradient` of the actor's loss to `out` (B, 2A), from each critic's part (E, B, A)."""
    critics, rows, actions = action_gradient.shape
    _head_gradient_kernel[(triton.cdiv(rows, _ROWS),)](
        action_gradient, sample.squashed, sample.spread, sample.slope, scale.scale, log_alpha, out, rows,
        A=actions, PADDED=triton.next_power_of_2(actions), R=_ROWS, E=critics, num_warps=4,
    )  # fmt: skip


@triton.jit
def _bias_relu_kernel(x, bias, rows, H: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr):
    row = tl.program_id(0) * R + tl.arange(0, R)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < H)
    at = x + tl.program_id(1) * rows * H + row[:, None] * H + column[None, :]
    shift = tl.load(bias + tl.program_id(1) * H + column, mask=column < H, other=0.0)
    tl.store(at, tl.maximum(tl.load(at, mask=inside, other=0.0) + shift[None, :], 0.0), mask=inside)


def bias_relu_(x: torch.Tensor, bias: torch.Tensor) -> None:
    """Add biases (E, 1, H) to x (E, B, H) and apply a ReLU, in place."""
    members, rows, width = x.shape
    _bias_relu_kernel[(triton.cdiv(rows, _ROWS), members)](
        x, bias, rows, H=width, PADDED=triton.next_power_of_2(width), R=_ROWS, num_warps=4
    )


@triton.jit
def _bellman_kernel(
    hidden, weight, bias, log_prob, log_alpha, reward, stop_bootstrap, stride, gamma, out, rows,
    H: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr, E: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * R + tl.arange(0, R)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < H)
    lowest = tl.full((R,), float("inf"), tl.float32)
    for e in tl.static_range(E):
        x = tl.load(hidden + e * rows * H + row[:, None] * H + column[None, :], mask=inside, other=0.0)
        w = tl.load(weight + e * H + column, mask=column < H, other=0.0)
        lowest = tl.minimum(lowest, tl.sum(x * w[None, :], axis=1) + tl.load(bias + e))
    soft = lowest - tl.exp(tl.load(log_alpha)) * tl.load(log_prob + row, mask=row < rows, other=0.0)
    r = tl.load(reward + row * stride, mask=row < rows, other=0.0)
    bootstrap = (1 - tl.load(stop_bootstrap + row * stride, mask=row < rows, other=0.0)) * gamma
    tl.store(out + row, r + bootstrap * soft, mask=row < rows)


def bellman_target(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    log_prob: torch.Tensor,
    log_alpha: torch.Tensor,
    reward: torch.Tensor,
    stop_bootstrap: torch.Tensor,
    gamma: float,
    out: torch.Tensor,
) -> None:
    """Write `Learner.bellman_target` to `out`.

    Args:
        hidden: (E, B, H), the last hidden layer of the target critics.
        weight: (E, H, 1), their last layer's.
        bias: (E, 1, 1), their last layer's.
        log_prob: (B,) of the next actions.
        log_alpha: (1,).
        reward: (B,), may be strided.
        stop_bootstrap: (B,), with the stride of `reward`.
        gamma: discount factor.
        out: (B,).
    """
    members, rows, width = hidden.shape
    _bellman_kernel[(triton.cdiv(rows, _ROWS),)](
        hidden, weight, bias, log_prob, log_alpha, reward, stop_bootstrap, reward.stride(0), gamma, out, rows,
        H=width, PADDED=triton.next_power_of_2(width), R=_ROWS, E=members, num_warps=4,
    )  # fmt: skip


@triton.jit
def _critic_kernel(
    hidden, weight, bias, target, values, value_gradient, hidden_gradient, rows,
    H: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * R + tl.arange(0, R)
    e = tl.program_id(1)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < H)
    at = e * rows * H + row[:, None] * H + column[None, :]
    x = tl.load(hidden + at, mask=inside, other=0.0)
    w = tl.load(weight + e * H + column, mask=column < H, other=0.0)
    q = tl.sum(x * w[None, :], axis=1) + tl.load(bias + e)
    gradient = (q - tl.load(target + row, mask=row < rows, other=0.0)) * (2.0 / rows)
    tl.store(values + e * rows + row, q, mask=row < rows)
    tl.store(value_gradient + e * rows + row, gradient, mask=row < rows)
    tl.store(hidden_gradient + at, tl.where(x > 0, gradient[:, None] * w[None, :], 0.0), mask=inside)


def critic_values_and_gradient(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    target: torch.Tensor,
    values: torch.Tensor,
    value_gradient: torch.Tensor,
    hidden_gradient: torch.Tensor,
) -> None:
    """Compute the critics' last layer, and the gradients of the critic loss.

    Args:
        hidden: (E, B, H), the last hidden layer.
        weight: (E, H, 1), the last layer's.
        bias: (E, 1, 1), the last layer's.
        target: (B,), from `bellman_target`.
        values: (E, B), written.
        value_gradient: (E, B) gradient by the values, written.
        hidden_gradient: (E, B, H) gradient by the hidden layer, through its ReLU, written.
    """
    members, rows, width = hidden.shape
    _critic_kernel[(triton.cdiv(rows, _ROWS), members)](
        hidden, weight, bias, target, values, value_gradient, hidden_gradient, rows,
        H=width, PADDED=triton.next_power_of_2(width), R=_ROWS, num_warps=4,
    )  # fmt: skip


@triton.jit
def _actor_kernel(
    hidden, weight, bias, lowest, hidden_gradient, rows,
    H: tl.constexpr, PADDED: tl.constexpr, R: tl.constexpr, E: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * R + tl.arange(0, R)
    column = tl.arange(0, PADDED)
    inside = (row[:, None] < rows) & (column[None, :] < H)
    best = tl.full((R,), float("inf"), tl.float32)
    which = tl.zeros((R,), tl.int32)
    for e in tl.static_range(E):
        x = tl.load(hidden + e * rows * H + row[:, None] * H + column[None, :], mask=inside, other=0.0)
        w = tl.load(weight + e * H + column, mask=column < H, other=0.0)
        q = tl.sum(x * w[None, :], axis=1) + tl.load(bias + e)
        which = tl.where(q < best, e, which)
        best = tl.minimum(best, q)
    tl.store(lowest + row, best, mask=row < rows)
    for e in tl.static_range(E):
        at = e * rows * H + row[:, None] * H + column[None, :]
        x = tl.load(hidden + at, mask=inside, other=0.0)
        w = tl.load(weight + e * H + column, mask=column < H, other=0.0)
        passes = (x > 0) & (which == e)[:, None]
        tl.store(hidden_gradient + at, tl.where(passes, w[None, :] * (-1.0 / rows), 0.0), mask=inside)


def lowest_value_and_gradient(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, lowest: torch.Tensor, hidden_gradient: torch.Tensor
) -> None:
    """Write the lowest of the critics' values (B,), and the gradient of minus its mean by their last hidden layer.

    Args:
        hidden: (E, B, H), the last hidden layer.
        weight: (E, H, 1), the last layer's.
        bias: (E, 1, 1), the last layer's.
        lowest: (B,), written.
        hidden_gradient: (E, B, H), through the ReLU, written.
    """
    members, rows, width = hidden.shape
    _actor_kernel[(triton.cdiv(rows, _ROWS),)](
        hidden, weight, bias, lowest, hidden_gradient, rows,
        H=width, PADDED=triton.next_power_of_2(width), R=_ROWS, E=members, num_warps=4,
    )  # fmt: skip


@triton.jit
def _report_kernel(
    values, target, lowest, log_prob, log_alpha, target_entropy, report, alpha_gradient,
    rows: tl.constexpr, E: tl.constexpr, BLOCK: tl.constexpr, ACTOR: tl.constexpr,
):  # fmt: skip
    offset = tl.arange(0, BLOCK)
    alpha = tl.exp(tl.load(log_alpha))
    for e in tl.static_range(E):
        squares = tl.zeros((BLOCK,), tl.float32)
        total = tl.zeros((BLOCK,), tl.float32)
        for start in range(0, rows, BLOCK):
            at = start + offset
            q = tl.load(values + e * rows + at, mask=at < rows, other=0.0)
            error = q - tl.load(target + at, mask=at < rows, other=0.0)
            squares += error * error
            total += q
        tl.store(report + e, tl.sum(squares, axis=0) / rows)
        tl.store(report + E + e, tl.sum(total, axis=0) / rows)
    tl.store(report + 2 * E, alpha)
    if ACTOR:
        actor = tl.zeros((BLOCK,), tl.float32)
        entropy = tl.zeros((BLOCK,), tl.float32)
        for start in range(0, rows, BLOCK):
            at = start + offset
            log_pi = tl.load(log_prob + at, mask=at < rows, other=0.0)
            actor += alpha * log_pi - tl.load(lowest + at, mask=at < rows, other=0.0)
            entropy += tl.where(at < rows, log_pi + target_entropy, 0.0)
        tl.store(report + 2 * E + 1, tl.sum(actor, axis=0) / rows)
        alpha_loss = -(alpha * (tl.sum(entropy, axis=0) / rows))
        tl.store(report + 2 * E + 2, alpha_loss)
        tl.store(alpha_gradient, alpha_loss)


def report_losses(
    values: torch.Tensor,
    target: torch.Tensor,
    lowest: torch.Tensor,
    log_prob: torch.Tensor,
    log_alpha: torch.Tensor,
    target_entropy: float,
    report: torch.Tensor,
    alpha_gradient: torch.Tensor,
    *,
    actor: bool,
) -> None:
    """Write what a gradient step reports: losses, mean values and alpha.

    Args:
        values: (E, B), of the critics.
        target: (B,), what they were to give.
        lowest: (B,), of the actor's own actions; read only if `actor`.
        log_prob: (B,), of the same actions; read only if `actor`.
        log_alpha: (1,).
        target_entropy: in nats.
        report: (2E + 3,), written: critic losses (E), mean values (E), alpha, and if `actor` its loss and the
            temperature's.
        alpha_gradient: (1,), written if `actor`: the temperature's loss is its own gradient by log alpha
            (`Learner.alpha_loss`).
        actor: whether this step updates the actor.
    """
    members, rows = values.shape
    _report_kernel[(1,)](
        values, target, lowest, log_prob, log_alpha, target_entropy, report, alpha_gradient,
        rows=rows, E=members, BLOCK=min(1024, triton.next_power_of_2(rows)), ACTOR=actor, num_warps=8,
    )  # fmt: skip


@triton.jit
def _adam_kernel(
    parameter, gradient, average, square, step, target, lr, tau, count,
    BETA_1: tl.constexpr, BETA_2: tl.constexpr, EPSILON: tl.constexpr, TARGET: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    # In float64, as 1 - beta^step loses most digits of float32 at the first steps.
    steps = tl.load(step).to(tl.float64)
    correction_1 = (1 - tl.exp(steps * tl.log(tl.full((), BETA_1, tl.float64)))).to(tl.float32)
    correction_2 = (1 - tl.exp(steps * tl.log(tl.full((), BETA_2, tl.float64)))).to(tl.float32)
    g = tl.load(gradient + at, mask=inside, other=0.0)
    m = tl.load(average + at, mask=inside, other=0.0)
    v = tl.load(square + at, mask=inside, other=0.0)
    m += (1 - BETA_1) * (g - m)
    v = BETA_2 * v + (1 - BETA_2) * g * g
    p = tl.load(parameter + at, mask=inside, other=0.0)
    p -= lr / correction_1 * m / (tl.sqrt_rn(v) / tl.sqrt_rn(correction_2) + EPSILON)
    tl.store(average + at, m, mask=inside)
    tl.store(square + at, v, mask=inside)
    tl.store(parameter + at, p, mask=inside)
    if TARGET:
        t = tl.load(target + at, mask=inside, other=0.0)
        tl.store(target + at, t + tau * (p - t), mask=inside)


def adam_step(
    flat: torch.Tensor,
    gradient: torch.Tensor,
    moments: AdamState,
    lr: float,
    target: torch.Tensor | None = None,
    tau: float = 0.0,
) -> None:
    """Take `adam.adam_step`; with a `target`, also move that towards the new parameters by `tau`.

    torch's fused kernel gives 65,536 elements to each block, so networks of this size leave most of a GPU idle.

    Args:
        flat: (n,) parameters, changed in place.
        gradient: (n,).
        moments: first and second moments (n,) and the step, changed in place.
        lr: learning rate.
        target: (n,) target parameters, changed in place.
        tau: smoothing coefficient.
    """
    moments.step.add_(1)
    count = flat.numel()
    _adam_kernel[(triton.cdiv(count, 1024),)](
        flat, gradient, moments.exp_avg, moments.exp_avg_sq, moments.step, flat if target is None else target, lr, tau,
        count, BETA_1=0.9, BETA_2=0.999, EPSILON=1e-8, TARGET=target is not None, BLOCK=1024, num_warps=4,
    )  # fmt: skip
