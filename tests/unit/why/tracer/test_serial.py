"""Threads that put something into one queue take turns, where no race is to decide."""

from __future__ import annotations

import os
import queue
import threading

import pytest

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


class Process:
    """A process that has had so much processor time at each look, and ends after the last one."""

    pid = 1

    def __init__(self, *times: int) -> None:
        self.times, self.waited = list(times), 0

    def is_alive(self) -> bool:
        return len(self.times) > 1

    def join(self, seconds: float) -> None:
        self.waited += 1
        del self.times[0]


@pytest.mark.parametrize(
    "times, patience, looks",
    [
        pytest.param((1, 5, 9, 12), 100.0, 3, id="to its end"),
        pytest.param((1, 5, 5, 9, 12), 100.0, 2, id="no longer than it computes"),
        pytest.param((1, 5, 9, 12, 15, 19), 2 * serial.WAIT, 2, id="no longer than patience lasts"),
    ],
)
def test_a_process_is_waited_for(times, patience, looks, monkeypatch):
    process = Process(*times)
    monkeypatch.setattr(serial, "_patience", [patience])
    monkeypatch.setattr(serial, "_processor_time", lambda _: process.times[0])
    serial._wait_while_it_computes(process)
    assert process.waited == looks


def test_the_processor_time_of_a_process_that_is_gone_is_none():
    assert serial._processor_time(os.getpid()) > 0
    assert serial._processor_time(-1) == 0
