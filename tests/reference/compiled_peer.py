"""The fastest peer on a GPU: LeanRL's recipe for SAC, re-created for this project's networks.

The recipe (pytorch-labs/LeanRL, `sac_continuous_action_torchcompile.py`): the two critics as one by vmap over stacked
parameters, `torch.compile` on the critics' update and on the actor's, each captured in a CUDA graph, target update by
one for-each lerp. Networks, losses and optimizers are those of `eager_port`. It is not part of the package.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import optim
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F  # noqa: N812

from tests.reference.eager_port import Actor, Critic, Sample

WARM_UP = 12


class Graphed:
    """A function of static inputs, captured in a CUDA graph after some runs as it is."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        self.function, self.calls, self.graph = function, 0, None

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        if self.graph is not None:
            for static, given in zip(self.inputs, inputs, strict=True):
                static.copy_(given, non_blocking=True)
            self.graph.replay()
            return self.output
        if self.calls < WARM_UP:
            self.calls += 1
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                found = self.function(*inputs)
            torch.cuda.current_stream().wait_stream(stream)
            return found
        self.inputs = [given.clone() for given in inputs]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.output = self.function(*self.inputs)
        self.graph = graph
        graph.replay()
        return self.output


class CompiledLearner:
    """Actor, stacked twin critics, targets and optimizers; `update` is two graphs and a target update."""

    def __init__(self, observation_dim: int, action_dim: int, gamma: float = 0.8, tau: float = 0.01) -> None:
        self.gamma, self.tau = gamma, tau
        self.actor = Actor(observation_dim, action_dim).cuda()
        critics = [Critic(observation_dim, action_dim).cuda() for _ in range(2)]
        self.parameters, _ = stack_module_state(critics)
        self.parameters = {name: p.detach().clone().requires_grad_() for name, p in self.parameters.items()}
        self.targets = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.skeleton = copy.deepcopy(critics[0]).to("meta")
        self.q_optimizer = optim.Adam(list(self.parameters.values()), lr=3e-4, capturable=True)
        self.actor_optimizer = optim.Adam(list(self.actor.parameters()), lr=3e-4, capturable=True)
        self.target_entropy = -float(action_dim)
        self.log_alpha = torch.zeros(1, requires_grad=True, device="cuda")
        self.alpha = self.log_alpha.detach().exp()
        self.a_optimizer = optim.Adam([self.log_alpha], lr=3e-4, capturable=True)
        # Not dynamic: after a second batch size torch would compile for any, and the peer would be slower than it is.
        self.main = Graphed(torch.compile(self._update_critics, dynamic=False))
        self.policy = Graphed(torch.compile(self._update_actor, dynamic=False))

    def update(self, data: Sample) -> None:
        self.main(data.obs, data.next_obs, data.actions, data.rewards, data.dones)
        self.policy(data.obs)
        self.alpha.copy_(self.log_alpha.detach().exp())
        torch._foreach_lerp_(list(self.targets.values()), [p.data for p in self.parameters.values()], self.tau)

    def _values(self, parameters, observation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        def one(p):
            return functional_call(self.skeleton, p, (observation, action))

        return torch.vmap(one)(parameters)

    def _update_critics(self, obs, next_obs, actions, rewards, dones) -> torch.Tensor:
        self.q_optimizer.zero_grad()
        with torch.no_grad():
            next_actions, next_log_pi, _ = self.actor.get_action(next_obs)
            lowest = self._values(self.targets, next_obs, next_actions).min(dim=0).values
            soft_value = lowest - self.alpha * next_log_pi
            target = rewards.flatten() + (1 - dones.flatten()) * self.gamma * soft_value.view(-1)
        values = self._values(self.parameters, obs, actions).squeeze(-1)
        loss = F.mse_loss(values, target.expand_as(values), reduction="none").mean(dim=1).sum()
        loss.backward()
        self.q_optimizer.step()
        return loss.detach()

    def _update_actor(self, obs: torch.Tensor) -> torch.Tensor:
        self.actor_optimizer.zero_grad()
        pi, log_pi, _ = self.actor.get_action(obs)
        frozen = {name: p.detach() for name, p in self.parameters.items()}
        loss = (self.alpha * log_pi - self._values(frozen, obs, pi).min(dim=0).values).mean()
        loss.backward()
        self.actor_optimizer.step()
        self.a_optimizer.zero_grad()
        with torch.no_grad():
            _, log_pi, _ = self.actor.get_action(obs)
        alpha_loss = (-self.log_alpha.exp() * (log_pi + self.target_entropy)).mean()
        alpha_loss.backward()
        self.a_optimizer.step()
        return loss.detach()
