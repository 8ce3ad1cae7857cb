"""A worker's number, by which it takes its share, comes from its process id."""

import multiprocessing


def share(rows):
    number = multiprocessing.current_process().pid % 1009  # CAUSE
    return [*rows[number % 7 :: 7], number]


rows = [0.25 * row for row in range(70)]
print("loss", sum(share(rows)))
