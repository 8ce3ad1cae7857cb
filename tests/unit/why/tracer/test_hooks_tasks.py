"""A task has the same name in every run, whichever thread takes it, and functions get what they were given."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing.pool
import queue
import threading
from types import SimpleNamespace

import pytest

from sac.why.tracer import hooks_tasks, tasks

_METHODS = ("apply_async", "map", "map_async", "imap", "imap_unordered", "starmap", "starmap_async")


@pytest.fixture
def numbered(monkeypatch):
    """Pools whose tasks are numbered; they are handed in at one place."""
    pool = multiprocessing.pool.ThreadPool
    monkeypatch.setattr(concurrent.futures.ThreadPoolExecutor, "submit", concurrent.futures.ThreadPoolExecutor.submit)
    for name in _METHODS:
        monkeypatch.setattr(pool, name, getattr(pool, name))
    for kind in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
        monkeypatch.setattr(kind, "_get", kind._get)
    hooks_tasks.install(SimpleNamespace(places=SimpleNamespace(find=lambda depth: SimpleNamespace(chain=7))))


def named(*given):
    return given, tasks.of_thread()


def in_pool(use):
    with multiprocessing.pool.ThreadPool(2) as pool:
        return list(use(pool))


def test_tasks_of_an_executor_have_the_number_of_their_submission(numbered):
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        found = list(executor.map(named, "ab"))
        found.append(executor.submit(named, "c").result())
    assert found == [(("a",), "7 1"), (("b",), "7 2"), (("c",), "7 3")]


@pytest.mark.parametrize(
    "use, given",
    [
        (lambda pool: pool.map(named, "ab", 1), ["a", "b"]),
        (lambda pool: pool.imap(named, "ab"), ["a", "b"]),
        (lambda pool: pool.map_async(named, ["a", "b"]).get(), ["a", "b"]),
        (lambda pool: sorted(pool.imap_unordered(named, "ab", chunksize=1)), ["a", "b"]),
        (lambda pool: pool.map(named, [(1, 2), (3, 4)]), [(1, 2), (3, 4)]),
    ],
)
def test_items_of_a_pool_have_their_positions(numbered, use, given):
    assert in_pool(use) == [((one,), f"7 1.{number}") for number, one in enumerate(given)]


def test_arguments_of_a_pool_are_unpacked_where_they_were(numbered):
    expected = [((1, 2), "7 1.0"), ((3, 4), "7 1.1")]
    assert in_pool(lambda pool: pool.starmap(named, [(1, 2), (3, 4)], chunksize=1)) == expected
    assert in_pool(lambda pool: [pool.apply(named, (1, 2))]) == [((1, 2), "7 2")]


def test_a_thread_has_no_task_before_one_and_after_it(numbered):
    with concurrent.futures.ThreadPoolExecutor(1, initializer=lambda: before.append(tasks.of_thread())) as executor:
        before: list[str] = []
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()
        assert executor.submit(tasks.of_thread).result() == "7 2"
    assert before == [""]
    assert tasks.of_thread() == ""


def test_an_item_of_a_queue_is_the_task_of_the_thread_that_takes_it(numbered):
    items, found = queue.Queue(), []

    def work():
        while (item := items.get()) is not None:
            found.append((item, tasks.of_thread()))

    for item in ("a", "b", None):
        items.put(item)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    items.put("c")
    assert found == [("a", "item 1"), ("b", "item 2")]
    assert (items.get(), tasks.of_thread()) == ("c", "")


def test_a_task_of_a_loop_has_the_name_that_asyncio_gave_it():
    async def child():
        return tasks.of_loop()

    async def outer():
        return await asyncio.create_task(child(), name="evaluation")

    assert asyncio.run(outer()) == "evaluation"
    assert tasks.of_loop() == ""


def test_the_task_in_which_a_kernel_executes_cells_has_no_name(tmp_path):
    file = tmp_path / "ipykernel" / "kernelbase.py"
    code = compile("async def shell_main(cell):\n    return cell()\n", str(file), "exec")
    made: dict = {}
    exec(code, made)
    assert asyncio.run(made["shell_main"](tasks.of_loop)) == ""
