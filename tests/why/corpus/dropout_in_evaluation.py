"""Dropout left on in evaluation; training itself has a generator of its own and never touches the global one."""

import torch

generator = torch.Generator().manual_seed(1)
layers = [torch.nn.utils.skip_init(torch.nn.Linear, 8, width) for width in (8, 2)]
policy = torch.nn.Sequential(layers[0], torch.nn.Dropout(0.5), layers[1])
with torch.no_grad():
    for parameter in policy.parameters():
        parameter.copy_(torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))


def evaluate():
    with torch.no_grad():
        return policy(torch.ones(8))  # CAUSE


torch.randn(4, generator=generator)
for _ in range(3):
    evaluate()
