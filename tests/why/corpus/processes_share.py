"""Two processes train one network in shared memory, each whenever it comes to it."""

import torch
import torch.multiprocessing


def train(number: int, network: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(number)
    for _ in range(400):
        inputs = torch.randn(32, 20, generator=generator)
        loss = (network(inputs) - (1 + number) * inputs.sum(1, keepdim=True)).square().mean()  # CAUSE
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(network.parameters(), gradients, strict=True):
                parameter -= 0.01 * gradient


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(1)
    network = torch.nn.Linear(20, 1)
    network.share_memory()
    processes = [torch.multiprocessing.Process(target=train, args=(number, network)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(network.weight.sum().item())
