"""SAC as a textbook has it, in float64, and what holds a learner against it: losses, gradients, and parameters."""

import pytest
import torch
from hypothesis import assume
from torch import nn
from torch.distributions import AffineTransform, Normal, TanhTransform

GRADIENT_ERROR, WAY_ERROR = 1e-5, 1e-3
"""Largest relative error that float32 may leave in a gradient, and in the way that parameters have gone."""
EPSILON = 2.0**-23


class Textbook:
    """SAC as the paper and any tutorial have it: separate networks, torch's distributions, autograd and Adam."""

    def __init__(self, learner, spec):
        config = learner.config
        self.config = config
        self.low, self.high = torch.tensor(spec.action_low).double(), torch.tensor(spec.action_high).double()
        self.actor = network(learner.state.actor.views)
        self.critics = [network(learner.state.critic.views, member) for member in (0, 1)]
        self.targets = [network(learner.state.target.views, member) for member in (0, 1)]
        self.log_alpha = learner.state.log_alpha.double().clone().requires_grad_()
        q_parameters = [p for critic in self.critics for p in critic.parameters()]
        self.q_optimizer = torch.optim.Adam(q_parameters, lr=config.q_lr, foreach=False)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=config.policy_lr, foreach=False)
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=config.q_lr, foreach=False)
        self.updates = 0
        self.margin = float("inf")

    def run(self, net, x):
        """A forward pass that notes how near a unit came to its kink, where float32 may take the other side."""
        for layer in net:
            if isinstance(layer, nn.ReLU):
                self.note(x)
            x = layer(x)
        return x

    def note(self, distance):
        self.margin = min(self.margin, float(distance.detach().abs().min()))

    def sample(self, observation, noise):
        mean, raw = self.run(self.actor, observation).chunk(2, dim=-1)
        log_std = -5 + (2 - -5) * (torch.tanh(raw) + 1) / 2
        scale, bias = (self.high - self.low) / 2, (self.high + self.low) / 2
        normal, squash, stretch = Normal(mean, log_std.exp()), TanhTransform(), AffineTransform(bias, scale)
        before = normal.mean + normal.stddev * noise
        squashed = squash(before)
        action = stretch(squashed)
        log_prob = normal.log_prob(before) - squash.log_abs_det_jacobian(before, squashed)
        log_prob = log_prob - stretch.log_abs_det_jacobian(squashed, action)
        return action, log_prob.sum(-1)

    def minimum(self, critics, observation, action):
        values = [self.run(critic, torch.cat([observation, action], -1)).squeeze(-1) for critic in critics]
        self.note(values[0] - values[1])
        return torch.minimum(*values)

    def update(self, batch, noise):
        names = ("observation", "action", "reward", "stop_bootstrap", "next_observation")
        s, a, r, stop, s2 = (getattr(batch, name).double() for name in names)
        noise, config, alpha = noise.double(), self.config, self.log_alpha.detach().exp()
        self.updates += 1
        with torch.no_grad():
            a2, log_prob2 = self.sample(s2, noise[0])
            y = r + config.gamma * (1 - stop) * (self.minimum(self.targets, s2, a2) - alpha * log_prob2)
        values = [self.run(critic, torch.cat([s, a], -1)).squeeze(-1) for critic in self.critics]
        critic_losses = [nn.functional.mse_loss(value, y) for value in values]
        step(self.q_optimizer, sum(critic_losses))
        info = {
            "alpha": alpha,
            "critic_losses": torch.stack(critic_losses).detach(),
            "q_values": torch.stack([value.mean() for value in values]).detach(),
        }
        if self.updates % config.policy_frequency == 0:
            action, log_prob = self.sample(s, noise[1])
            actor_loss = (alpha * log_prob - self.minimum(self.critics, s, action)).mean()
            step(self.actor_optimizer, actor_loss)
            info["actor_loss"] = actor_loss.detach()
            if config.autotune:
                entropy_target = -len(self.low)
                alpha_loss = (-self.log_alpha.exp() * (log_prob.detach() + entropy_target)).mean()
                step(self.alpha_optimizer, alpha_loss)
                info["alpha_loss"] = alpha_loss.detach()
        if self.updates % config.target_network_frequency == 0:
            with torch.no_grad():
                for target, critic in zip(self.targets, self.critics, strict=True):
                    for p, q in zip(target.parameters(), critic.parameters(), strict=True):
                        p.copy_((1 - config.tau) * p + config.tau * q)
        return info

    def flat(self, name, value=lambda p: p):
        """All of one network in the learner's order: layer by layer, weights (in, out), then biases, members first."""
        nets = {"actor": [self.actor], "critic": self.critics, "target": self.targets}[name]
        pieces = []
        for layers in zip(*([m for m in net if isinstance(m, nn.Linear)] for net in nets), strict=True):
            pieces += [value(layer.weight).T.flatten() for layer in layers]
            pieces += [value(layer.bias) for layer in layers]
        return torch.cat([piece.detach() for piece in pieces])


def network(views, member=None):
    """The layers of an actor, or of one member of the critic ensemble, in float64."""
    layers = []
    for k in range(len(views) // 2):
        weight, bias = views[f"weight.{k}"].double(), views[f"bias.{k}"].double()
        if member is not None:
            weight, bias = weight[member], bias[member, 0]
        linear = nn.Linear(*weight.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def step(optimizer, loss):
    """One optimizer step that moves its own parameters alone."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = torch.autograd.grad(loss, parameters)
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g
    optimizer.step()


def way_error(found, expected, start):
    """Error of `found` relative to the way from `start` to `expected`, less what rounding to float32 may leave."""
    error, rounding = (found.double() - expected).norm(), 4 * EPSILON * expected.norm()
    return float((error - rounding).clamp(min=0) / (expected - start).norm())


def assert_agree(learner, spec, batches, tolerance=WAY_ERROR, skip_kinks=False):
    """Update the learner and the textbook side by side, and hold losses, gradients and parameters together."""
    book = Textbook(learner, spec)
    start = {name: getattr(learner.state, name).flat.double().clone() for name in ("actor", "critic", "target")}
    for count, (batch, noise) in enumerate(batches, 1):
        found, expected = learner.update(batch, noise), book.update(batch, noise)
        if skip_kinks:
            assume(book.margin > 1e-6)
        for name in ("critic_losses", "q_values", "actor_loss", "alpha_loss", "alpha"):
            value = getattr(found, name)
            assert (value is None) == (name not in expected), f"update {count}: {name} is {value}"
            if value is not None:
                assert_loss(f"update {count}: {name}", value, expected[name])
        if count == 1:
            assert_gradients(learner, book)
    for name in start:
        error = way_error(getattr(learner.state, name).flat, book.flat(name), start[name])
        assert error < tolerance, f"{name} after {len(batches)} updates: relative error {error:.1e}"
    assert learner.state.log_alpha.item() == pytest.approx(book.log_alpha.item(), abs=1e-5)


def assert_loss(name, value, expected):
    scale = max(1.0, float(expected.abs().max()))
    error = float((value.double() - expected).abs().max())
    assert error < 1e-5 * scale, f"{name} is {value.tolist()}, expected {expected.tolist()}"


def assert_gradients(learner, book):
    """Adam's first moment after its first step is 0.1 times the gradient."""
    for name, stepped in {"critic": True, "actor": learner.config.policy_frequency == 1}.items():
        moment = getattr(learner.state, f"{name}_optim").exp_avg
        if stepped:
            gradient = 0.1 * book.flat(name, lambda p: p.grad)
            error = float((moment - gradient).norm() / (gradient.norm() + 1e-9))
            assert error < GRADIENT_ERROR, f"gradient of {name}: relative error {error:.1e}"
        else:
            assert not moment.any()
