"""`sac why` is right about programs that nobody wrote: drawn from a grammar, with the answer known by construction.

A handful is drawn by default; `SAC_WHY_DRAWN` says how many faulty ones, as the session `why` does.
"""

from __future__ import annotations

import os

import pytest

from tests.why.drawn.grammar import HALVES
from tests.why.drawn.measured import CRASH, EXACT, FALSE_EQUAL, LINE, NOTHING, judged, measure
from tests.why.drawn.programs import INNOCENT, LAYOUTS, NOISES, SINKS, SOURCES, TRANSPORTS, Answer, Program

DRAWN = int(os.environ.get("SAC_WHY_DRAWN", "2"))
MANY = 100
"""From so many on, shares are judged, on the half that nothing was tuned on; below, every answer must be exact."""

SIMPLE = Program(SOURCES[0], TRANSPORTS[0], SINKS[0], LAYOUTS[0], NOISES[0], planted=True)


@pytest.mark.timeout(20 * DRAWN + 600)
@pytest.mark.parametrize("half", HALVES)
def test_the_cause_is_named_and_a_clean_program_is_equal(half, tmp_path):
    if half == "tune" and DRAWN >= MANY:
        pytest.skip("a share is measured on the half that nothing was tuned on")
    table = measure(half, DRAWN, torch=DRAWN >= MANY, kept=tmp_path)
    said = "\n".join((str(table), *table.wrong))
    assert set(table.clean) <= {EXACT} or (DRAWN >= MANY and table.clean[EXACT] / table.clean.total() > 0.99), said
    if DRAWN < MANY:
        assert set(table.faulty) == {EXACT}, said
    assert table.share(EXACT) >= 0.9 and table.share(EXACT, LINE) >= 0.97, said
    assert not table.faulty[FALSE_EQUAL] + table.faulty[CRASH], said


@pytest.mark.parametrize("rows", [SOURCES, TRANSPORTS, SINKS, LAYOUTS, NOISES])
def test_each_kind_of_production_is_in_both_halves(rows):
    assert {row.half for row in rows} == set(HALVES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda one: one.name)
def test_a_program_compiles_and_only_a_faulty_one_has_a_plant(source, transport):
    for planted in (True, False):
        program = Program(source, transport, SINKS[0], LAYOUTS[3], NOISES[2], planted)
        texts = {path: text for path, text in program.files.items() if path.endswith(".py")}
        for path, text in texts.items():
            compile(text, path, "exec")
        assert sum(text.count("# PLANT") for text in texts.values()) == planted
        assert program.answer.status == planted


@pytest.mark.parametrize("source", INNOCENT, ids=lambda one: one.name)
def test_what_only_looks_guilty_compiles_and_is_never_planted(source):
    for transport in TRANSPORTS:
        program = Program(source, transport, SINKS[0], LAYOUTS[0], NOISES[0], planted=False)
        for path, text in program.files.items():
            if path.endswith(".py"):
                compile(text, path, "exec")
                assert "# PLANT" not in text
        assert program.answer == Answer(0)


@pytest.mark.parametrize(
    "planted, status, output, kind",
    [
        (True, 0, '{"first": null}', FALSE_EQUAL),
        (False, 1, '{"first": {"cause": "set-order", "file": "train.py", "line": 3}}', "false alarm"),
        (True, 1, '{"first": {"cause": "set-order", "file": "train.py", "line": 2}}', "other line"),
        (True, 2, '{"first": null, "uncompared": [], "notes": []}', NOTHING),
        (True, 1, "", CRASH),
    ],
)
def test_a_wrong_answer_is_counted_as_what_it_is(planted, status, output, kind):
    program = Program(SOURCES[0], TRANSPORTS[0], SINKS[0], LAYOUTS[0], NOISES[0], planted)
    assert judged(program, status, output, "")[0] == kind


def test_the_line_of_the_plant_is_known_by_construction():
    assert SIMPLE.answer == Answer(1, "seeded-too-late", "train.py", 4)
    assert SIMPLE.files["train.py"].splitlines()[3].startswith("value = random.randrange")
