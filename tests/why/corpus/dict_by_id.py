"""Objects kept by their `id`: the addresses decide which worker is asked."""

import torch


class Worker:
    def __init__(self, number):
        self.number = number


torch.manual_seed(1)
policy = torch.nn.Linear(1, 1)
workers = [Worker(number) for number in range(200)]
by_id = {id(worker): worker for worker in workers}  # CAUSE
chosen = [by_id[key].number for key in sorted(by_id, key=lambda key: key % 10_007)]
policy(torch.tensor([[float(number)] for number in chosen]))
