"""Two processes train a network each, and their results are put in order: nothing must be named."""

import torch
import torch.multiprocessing


def train(number: int, results) -> None:
    torch.manual_seed(number)
    network = torch.nn.Linear(20, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(100):
        inputs = torch.randn(32, 20)
        loss = (network(inputs) - inputs.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    results.put((number, loss.item()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = torch.multiprocessing.Queue()
    processes = [torch.multiprocessing.Process(target=train, args=(number, results)) for number in range(2)]
    for process in processes:
        process.start()
    losses = dict(results.get() for _ in processes)
    for process in processes:
        process.join()
    print("loss", [losses[number] for number in range(2)])
