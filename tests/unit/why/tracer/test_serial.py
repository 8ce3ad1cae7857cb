"""Threads that put something into one queue take turns, where no race is to decide."""

from __future__ import annotations

import queue
import threading

from sac.why.tracer import serial


def test_threads_put_their_items_in_turns_and_whoever_has_ended_is_passed_over(monkeypatch):
    monkeypatch.setattr(queue.Queue, "put", serial._by_turns(queue.Queue.put))
    items: queue.Queue[str] = queue.Queue(maxsize=1)

    def produce(name: str, count: int) -> None:
        for _ in range(count):
            items.put(name)

    threads = [threading.Thread(target=produce, args=(name, count)) for name, count in (("a", 4), ("b", 2), ("c", 3))]
    for number, thread in enumerate(threads):
        thread.start()
        while len(items.__dict__.get(serial._TURNS, serial._Turns())._members) <= number:
            pass
    taken = [items.get(timeout=5) for _ in range(9)]
    for thread in threads:
        thread.join(5)
    assert taken == ["a", "a", "b", "c", "a", "b", "c", "a", "c"]


def test_the_main_thread_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(queue.Queue, "put", serial._by_turns(queue.Queue.put))
    items: queue.Queue[int] = queue.Queue()
    items.put(1)
    assert serial._TURNS not in items.__dict__
    assert items.get() == 1


def test_whoever_takes_from_a_queue_with_bounds_waits_until_it_is_full_again(monkeypatch):
    monkeypatch.setattr(queue.Queue, "put", serial._by_turns(queue.Queue.put))
    monkeypatch.setattr(queue.Queue, "get", serial._refilled(queue.Queue.get))
    items: queue.Queue[int] = queue.Queue(maxsize=2)
    made = []

    def produce() -> None:
        for number in range(6):
            made.append(number)
            items.put(number)

    thread = threading.Thread(target=produce)
    thread.start()
    counts = []
    for _ in range(6):
        items.get(timeout=5)
        counts.append(len(made))
    thread.join(5)
    assert counts == [4, 5, 6, 6, 6, 6]
