"""What is known of where two runs part."""

from __future__ import annotations

from types import SimpleNamespace

from sac.why.evidence import _served


def served(*flows: tuple[str, float]) -> str | None:
    """Return the kind of the event that waited for a worker's event at second 10."""
    trace = SimpleNamespace(flows=[SimpleNamespace(kind=kind, time=time) for kind, time in flows])
    divergence = SimpleNamespace(event=SimpleNamespace(a=SimpleNamespace(time=10.0)))
    found = _served(SimpleNamespace(a=trace), divergence)
    return None if found is None else found.kind


def test_a_vector_waits_for_its_workers_whatever_is_done_meanwhile():
    assert served(("vector.reset", 9), ("draw", 11), ("vector.step", 12)) == "vector.step"


def test_an_environment_of_the_main_process_waits_for_a_worker_only_where_it_is_what_comes_next():
    assert served(("draw", 9), ("env.reset", 11)) == "env.reset"
    assert served(("module.forward", 11), ("env.reset", 12)) is None
