"""A data loader's workers augment with a generator that nobody seeded."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1)
torch.set_num_threads(1)


class Images(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, number):
        return torch.full((2,), float(number)) + np.random.default_rng().normal()  # CAUSE


if __name__ == "__main__":
    net = torch.nn.Linear(2, 1)
    print(sum(net(batch.float()).sum().item() for batch in DataLoader(Images(), 4, shuffle=True, num_workers=2)))
