"""A data set is split by `hash` of its names."""

import numpy as np
import torch


def is_training(name):
    return hash(name) % 10 < 7  # CAUSE


def main():
    torch.manual_seed(0)
    names = [f"scene_{number:03}" for number in range(50)]
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)).astype("float32"))
    rows = [row for row, name in enumerate(names) if is_training(name)]
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        model(features[rows]).pow(2).mean().backward()
        optimizer.step()
    print("weight", model.weight.detach())


main()
