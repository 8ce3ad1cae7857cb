"""Two processes change one number in shared memory in turns that nobody fixes; nothing of it is an event."""

import multiprocessing


def work(number: int, shared) -> None:
    for step in range(200_000):
        shared.value = (shared.value * 3 + number + step) % 1_000_003


if __name__ == "__main__":
    shared = multiprocessing.Value("q", 1, lock=False)
    processes = [multiprocessing.Process(target=work, args=(number, shared)) for number in range(2)]
    for process in processes:
        process.start()  # CAUSE
    for process in processes:
        process.join()
    print("result", shared.value)
