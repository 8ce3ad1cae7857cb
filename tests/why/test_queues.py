"""Every sort of queue that workers fill is recognised where its order decides, and only there."""

from __future__ import annotations

import json
import sys

import pytest

from tests.why.test_corpus import sac

SCRIPT = """\
import multiprocessing, os, queue, random, threading, time
random.seed(1)
items = {made}
late = int(os.environ["PYTHONHASHSEED"]) - 1
class Item:
    def __init__(self, number):
        self.number = number
def act(number):
    time.sleep(0.4 * (number == late))
    items.put({item})
for number in range(2):
    {worker}(target=act, args=(number,), name=f"actor-{{number}}").start()
taken = [items.{get}() for _ in range(2)]
for one in {order}(taken, key={key}):
    random.randint(0, 10 + {key}(one))
"""
PLAIN = {
    "made": "queue.Queue()",
    "item": "number",
    "worker": "threading.Thread",
    "get": "get",
    "order": "(lambda found, key: found)",
    "key": "int",
}
QUEUES = {
    "of threads": {},
    "simple": {"made": "queue.SimpleQueue()"},
    "last in, first out": {"made": "queue.LifoQueue()"},
    "of processes": {"made": "multiprocessing.Queue()", "worker": "multiprocessing.Process"},
    "simple, of processes": {"made": "multiprocessing.SimpleQueue()", "worker": "multiprocessing.Process"},
    "of objects": {"item": "Item(number)", "key": "(lambda one: one.number)"},
}


def ask(tmp_path, **changes):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(**{**PLAIN, **changes}))
    done = sac("why", "--json", "--", sys.executable, str(script))
    return done.returncode, json.loads(done.stdout)["first"]


@pytest.mark.parametrize("kind", QUEUES)
def test_the_order_in_which_workers_put_is_named_where_it_is_taken(tmp_path, kind):
    status, first = ask(tmp_path, **QUEUES[kind])
    assert (status, first["cause"], first["line"]) == (1, "completion-order", 13), first


@pytest.mark.parametrize("kind", ["of threads", "simple", "of processes"])
def test_what_is_sorted_before_it_is_used_is_no_divergence(tmp_path, kind):
    assert ask(tmp_path, **{**QUEUES[kind], "order": "sorted"}) == (0, None)
