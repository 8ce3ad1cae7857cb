"""Small networks, specs of environments, and batches for the tests of learners."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from sac.envs.protocol import EnvSpec
from sac.learner import networks
from sac.replay import RowLayout
from sac.streams import Stream

SMALL = (8, 6, 8)


@contextmanager
def hidden(widths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "HIDDEN", widths)
        yield


def make_spec(observation_dim, low, high):
    return EnvSpec("Test-v0", observation_dim, np.array(low, np.float32), np.array(high, np.float32), 10)


def make_batch(spec, size, block=0):
    """A batch and its noise, from a stream; about a third of the transitions stop."""
    layout, stream = RowLayout(spec.observation_dim, spec.action_dim), Stream(7, "test.batch")
    rows = torch.from_numpy(stream.normal(2 * block, (size, layout.width)))
    stop = layout.unpack(rows).stop_bootstrap
    stop.copy_(stop > 0.4)
    batch = layout.unpack(rows)
    noise = torch.from_numpy(stream.normal(2 * block + 1, (2, size, spec.action_dim)))
    return batch, noise


SPEC = make_spec(5, [-1.0, 0.0, -2.5], [1.0, 0.5, -0.5])
