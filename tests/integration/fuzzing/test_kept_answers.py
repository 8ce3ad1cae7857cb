"""What `sac why --keep` leaves, spoiled: traces before `sac why`, the answer before `sac report`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import fewer
from tests.integration.fuzzing import reference
from tests.integration.fuzzing.asking import ask
from tests.integration.fuzzing.mutations import mutations
from tests.integration.fuzzing.runs import spoil
from tests.integration.fuzzing.test_run_folders import count, is_forged
from tests.unit.report.answers import write_answer

__all__ = ["count"]


@pytest.fixture(scope="module", params=["0.25", "0.5"], ids=["equal", "apart"])
def kept(request, tmp_path_factory):
    return write_answer(tmp_path_factory.mktemp("why") / "x", request.param, proof=False)


@fewer(2)
@given(st.data())
def test_why(kept, data):
    path = kept.parent / "a.trace"
    before = path.read_bytes()
    kind, after = data.draw(mutations(before))
    spoil(path, kind, after)
    try:
        said = ask("why", path, kept.parent / "b.trace")
    finally:
        spoil_back(path, before)
    if said.status == 0:
        other = reference.events((kept.parent / "b.trace").read_bytes())
        # Which event is which is told by line and occurrence, not by its number or its place in the file.
        here, there = (results(side) for side in (reference.events(after or b""), other))
        assert here == there, said


def results(entries):
    """What flowed into and out of each event, however the events are numbered."""
    flows = [one for one in entries if isinstance(one, dict) and "k" in one and "s" not in one]
    return sorted(repr((one["k"], one["f"], one.get("in", {}), one.get("out", {}))) for one in flows)


@fewer(2)
@given(st.data())
def test_report_of_an_answer(kept, data):
    path = kept / "answer.json"
    before = path.read_bytes()
    kind, after = data.draw(mutations(before))
    spoil(path, kind, after)
    try:
        said = ask("report", path, "-o", kept / "page.html", "--markdown", "-")
    finally:
        spoil_back(path, before)
    if said.status == 0 and not is_forged(after):
        assert reference.same_json(before, after) or b'"sha256"' not in after, said


def spoil_back(path, before):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(before)
