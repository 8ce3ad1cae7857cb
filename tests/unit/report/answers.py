"""Answers of `sac why` for the report's tests, made by the command itself from two traces written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from sac.cli import main
from sac.why.command import answer_json
from sac.why.evidence import evidence_of
from sac.why.search import Proof, Search
from sac.why.suspects import suspects_of
from sac.why.trace_pair import Twins
from sac.why.tracer.recorder import VERSION
from sac.why.verdict import judge

SCRIPT = """\
import gymnasium as gym

envs = gym.make("Pendulum-v1")
for step in range(100):
    action = envs.action_space.sample()  # `warm-up` <b>&
    envs.step(action)
"""
UNSEEDED = {"generator": "the generator of a Box space", "seeded": False, "object": True}


def event(number: int, kind: str, name: str, at: int, result: str, **more: object) -> dict:
    place = {"n": number, "k": kind, "f": name, "at": at, "c": 1, "t": float(number)}
    return {**place, "in": {}, "out": {"result": result}, **more}


def events(drawn: str, clock: str = "1") -> list[dict]:
    value = {"path": "", "dtype": "float", "count": 1, "value": drawn}
    return [
        event(1, "env.reset", "Env.reset", 1, "r"),
        event(2, "clock", "time.time", 1, clock, s=1, shown=clock),
        event(3, "space.sample", "Space.sample", 2, drawn, x=UNSEEDED, v={"result": [value]}),
    ]


def write_answer(folder: Path, drawn: str = "0.5", clock: str = "2", script: str = SCRIPT, proof: bool = True) -> Path:
    """Ask `sac why` of two traces; they part if `drawn` is another number. Returns the folder that `--keep` filled."""
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(script)
    for name, entries in (("a", events("0.25")), ("b", events(drawn, clock))):
        place = {"function": "<module>", "chain": 0, "aside": False, "direct": True}
        places = [{"place": at, "file": "train.py", "line": line, **place} for at, line in ((1, 3), (2, 5))]
        lines = [{"trace": VERSION, "root": str(folder)}, *places, *entries, {"end": "end"}]
        (folder / f"{name}.trace").write_text("".join(json.dumps(line) + "\n" for line in lines))
    traces = [folder / f"{name}.trace" for name in "ab"]
    status = main(["why", "--keep", str(folder / "why"), *map(str, traces)])
    assert status == (drawn != "0.25")
    if status and proof:
        (folder / "why" / "answer.json").write_text(json.dumps(proved(*traces)))
    return folder / "why"


def proved(a: Path, b: Path) -> dict:
    """The answer where forcing the first suspect has taken the divergence away; traces alone can't be run again."""
    comparison = Twins(a, b).comparison()
    assert comparison.divergence is not None
    suspects = suspects_of(evidence_of(comparison, comparison.divergence))
    search = Search(suspects, comparison, Proof(suspects[0], (), 2, True, comparison))
    return answer_json(comparison, judge(comparison, search), command=("sac", "why", str(a), str(b)))
