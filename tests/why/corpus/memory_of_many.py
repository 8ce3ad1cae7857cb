"""A library asks for memory and fills it; one line of the script's reads what it gets as it is."""

import torch

torch.manual_seed(1)
net = torch.nn.Linear(8, 4)
torch.nn.init.orthogonal_(net.weight)
carry = torch.empty(8)  # CAUSE
for step in range(3):
    carry = carry.nan_to_num() + step
    net(carry)
