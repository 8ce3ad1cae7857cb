"""Each distance against a case whose answer is known, and against a planted fault."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal, TanhTransform, TransformedDistribution, kl_divergence

from sac.similarity.measures import action_distance, gaussian_kl, linear_cka, parameter_distance


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_same_parameters_are_at_no_distance():
    weights = draw(4, 3).float()
    found = parameter_distance("layer", [weights], [weights.clone()])
    assert (found.distance, found.relative, found.largest, found.bits_equal) == (0.0, 0.0, 0.0, True)
    assert found.cosine == pytest.approx(1)


def test_one_ulp_is_seen():
    weights, other = torch.ones(2, 3), torch.ones(2, 3)
    other[1, 2] = torch.nextafter(other[1, 2], torch.tensor(2.0))
    found = parameter_distance("layer", [weights], [other])
    assert not found.bits_equal
    assert found.largest == found.distance == 2.0**-23


def test_a_sign_of_zero_is_another_bit_though_no_distance():
    found = parameter_distance("layer", [torch.zeros(2)], [-torch.zeros(2)])
    assert (found.distance, found.bits_equal, found.relative, found.cosine) == (0.0, False, None, None)


def test_another_type_is_no_equal():
    assert not parameter_distance("layer", [torch.ones(2)], [torch.ones(2).double()]).bits_equal


def test_distance_and_cosine_are_those_of_vectors():
    found = parameter_distance("layer", [torch.tensor([3.0, 0.0])], [torch.tensor([0.0, 4.0])])
    assert (found.distance, found.relative, found.cosine, found.largest) == (5.0, 5 / 3, 0.0, 4.0)


def test_the_divergence_is_that_of_torch():
    mean_p, mean_q, log_p, log_q = (draw(50, 3, seed=seed) for seed in range(4))
    p, q = (Independent(Normal(m, s.exp()), 1) for m, s in ((mean_p, log_p), (mean_q, log_q)))
    found = gaussian_kl(mean_p, log_p, mean_q, log_q)
    torch.testing.assert_close(found, kl_divergence(p, q), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(found, gaussian_kl(mean_q, log_q, mean_p, log_p))


def test_squashing_does_not_change_the_divergence():
    mean_p, mean_q = draw(1, seed=1), draw(1, seed=2)
    p, q = (TransformedDistribution(Normal(mean, 0.3), [TanhTransform(cache_size=1)]) for mean in (mean_p, mean_q))
    torch.manual_seed(3)
    drawn = p.sample((200_000,))
    sampled = float((p.log_prob(drawn) - q.log_prob(drawn)).mean())
    exact = float(gaussian_kl(mean_p, torch.tensor([math.log(0.3)]), mean_q, torch.tensor([math.log(0.3)])))
    assert sampled == pytest.approx(exact, rel=0.02)


def test_nearly_equal_policies_have_a_divergence_that_does_not_cancel():
    mean, log_std = torch.zeros(1, 1).double(), torch.zeros(1, 1).double()
    found = float(gaussian_kl(mean, log_std, mean + 1e-12, log_std))
    assert found == pytest.approx(5e-25)


def test_cka_of_a_turned_shifted_and_scaled_layer_is_one():
    layer = draw(300, 8)
    turn, _ = torch.linalg.qr(draw(8, 8, seed=2))
    assert linear_cka(layer, 3 * layer @ turn + 5) == pytest.approx(1, abs=1e-12)


def test_cka_of_an_unrelated_layer_is_far_below_one():
    """Negative control."""
    found = linear_cka(draw(2000, 8), draw(2000, 8, seed=2))
    assert found is not None and found < 0.05


def test_cka_of_a_constant_layer_is_not_defined():
    assert linear_cka(draw(10, 3), torch.ones(10, 3)) is None


def test_action_distance_is_of_each_observation():
    assert action_distance(torch.tensor([[3.0, 0.0], [1, 1]]), torch.tensor([[0.0, 4.0], [1, 1]])).tolist() == [5, 0]
