"""An environment's seed is the hash of its name."""

import gymnasium

number = hash("CartPole-v1") % 1000  # CAUSE
env = gymnasium.make("CartPole-v1")
print("observation", env.reset(seed=number)[0])
