"""What is known of where two runs part."""

from __future__ import annotations

from types import SimpleNamespace

from sac.why.evidence import Evidence, _served


def _flow(number: int, kind: str, time: float, parent: int = 0) -> SimpleNamespace:
    return SimpleNamespace(number=number, kind=kind, time=time, parent=parent)


def served(*flows: tuple[str, float] | tuple[str, float, int]) -> str | None:
    """Return the kind of the event that waited for a worker's event at second 10; a flow may name its parent."""
    trace = SimpleNamespace(flows=[_flow(number, *flow) for number, flow in enumerate(flows, start=1)])
    divergence = SimpleNamespace(event=SimpleNamespace(a=SimpleNamespace(time=10.0)))
    found = _served(SimpleNamespace(a=trace), divergence)
    return None if found is None else found.kind


def test_a_vector_waits_for_its_workers_whatever_is_done_meanwhile():
    assert served(("vector.reset", 9), ("draw", 11), ("vector.step", 12)) == "vector.step"


def test_an_environment_of_the_main_process_waits_for_a_worker_only_where_it_is_what_comes_next():
    assert served(("draw", 9), ("env.reset", 11)) == "env.reset"
    assert served(("module.forward", 11), ("env.reset", 12)) is None


def test_a_vector_that_resets_its_environments_itself_waits_for_nobody():
    assert served(("vector.reset", 14), ("env.make", 11), ("env.reset", 13, 1)) is None


def racing(*threads: str) -> tuple[int, int]:
    """Return how many threads race before a forward of the main thread, and the number of the draw that is named."""

    def flow(number: int, thread: str, kind: str = "draw") -> SimpleNamespace:
        facts = {"generator": "torch's global generator", **({} if thread == "main" else {"thread": thread})}
        return SimpleNamespace(kind=kind, number=number, facts=facts)

    forward = SimpleNamespace(kind="module.forward", number=10, facts={})
    trace = SimpleNamespace(flows=[flow(0, "main", "seed"), *(flow(n + 1, one) for n, one in enumerate(threads))])
    event = SimpleNamespace(a=forward, inputs=("torch's global generator",))
    evidence = Evidence(SimpleNamespace(event=event), trace, trace, None)
    return evidence.drawing_threads(), evidence.racing_draw.number


def test_threads_that_draw_by_turns_race_though_the_runs_part_where_nobody_draws():
    assert racing("main", "loader", "main", "loader") == (2, 4)


def test_a_thread_that_draws_after_the_main_one_is_done_is_no_race():
    assert racing("main", "main", "trainer") == (1, 3)
    assert racing("main", "main") == (1, 10)
