"""The portability command: its rows, what it says where ledgers or functions part, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tools.portability import command as portability
from tools.portability import cost, functions_apart, operations
from tools.portability.functions_apart import differing, ulp_apart
from tools.portability.machines import Machine


def test_a_row_that_can_not_run_says_why_and_is_no_success(monkeypatch, capsys):
    rows = [Machine("same"), Machine("cpuid haswell", missing="this CPU or kernel offers no cpuid_fault")]
    equal = SimpleNamespace(equal=True, text="equal")
    for name, stand_in in (("machines", lambda root: rows), ("train", lambda *_: 1.0), ("compare", lambda a, b: equal)):
        monkeypatch.setattr(portability, name, stand_in)
    monkeypatch.setattr(portability, "read_ledger", lambda folder: None)
    assert portability.main(["--steps", "ledgers"]) == 0
    said = capsys.readouterr().out
    assert "cpuid haswell                   not run: this CPU or kernel offers no cpuid_fault" in said
    assert "1 machines, 1 not run" in said
    assert portability.main(["--steps", "ledgers", "--strict"]) == 1
    assert "cpuid haswell not run" in capsys.readouterr().out
    assert portability.main(["--steps", "ledgers", "--only", "cpuid"]) == 2
    assert "nothing was compared" in capsys.readouterr().err


def test_a_step_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        portability.main(["--steps", "dance"])
    assert stop.value.code == 2
    assert "there are functions, ledgers, control, reciprocals, cost" in capsys.readouterr().err


def test_goldens_that_hang_on_exact_reciprocals_are_held_against_the_simulator_without(monkeypatch, capsys):
    """One of them parts from itself there, as it must; one, planted, does not."""
    trained = []

    def compared(one, other):
        name = "lift_peg" if "lift_peg" in str(one) else "peg_insertion"
        return SimpleNamespace(equal=name == "lift_peg", text=f"{name} compared")

    monkeypatch.setattr(portability, "run", lambda command, machine: trained.append(command) or 1.0)
    monkeypatch.setattr(portability, "compare", compared)
    monkeypatch.setattr(portability, "read_ledger", lambda folder: folder)
    monkeypatch.setattr(portability, "machines", lambda root: [Machine("same")])
    steps = ["--steps", "reciprocals", "--tasks", "lift_peg,peg_insertion,ant_walk"]
    assert portability.main(steps) == 1
    said = capsys.readouterr().out
    assert "FAILS: lift_peg without exact reciprocals is equal" in said
    assert "ant_walk" not in said
    assert sum(portability.UNPATCHED in command for command in trained) == 2


def test_an_emulated_cpu_runs_the_goldens_that_are_mostly_physics(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(portability, "train", lambda *_: 1.0)
    monkeypatch.setattr(portability, "read_ledger", lambda folder: None)
    monkeypatch.setattr(portability, "compare", lambda a, b: SimpleNamespace(equal=True, text="equal"))
    for task, runs in (("point", False), ("ant_walk", True), ("StackCube-v1", True)):
        assert portability.ledgers("portable", task, [], [Machine("qemu", slow=True)], tmp_path) == []
        assert ("hours of updates" not in capsys.readouterr().out) == runs


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_distance_is_counted_in_units_of_the_last_place(kind):
    x = np.array([1.0, -1.0, 0.0, 5.0], kind)
    assert ulp_apart(x, x) == (0, 0)
    assert ulp_apart(x, np.nextafter(x, kind(9))) == (4, 1)
    assert ulp_apart(np.array([-0.0], kind), np.array([0.0], kind))[0] == 1, "a zero's sign is a bit too"
    smallest = np.nextafter(kind(0), kind(1))
    assert ulp_apart(np.array([-smallest]), np.array([smallest])) == (1, 2)


def test_one_ulp_in_one_result_is_found(tmp_path):
    results = {"tanh": np.linspace(0, 1, 100, dtype=np.float32), "norm": np.ones(3)}
    np.savez(tmp_path / "a.npz", **results)
    results["tanh"][50] = np.nextafter(results["tanh"][50], np.float32(2))
    np.savez(tmp_path / "b.npz", **results)
    assert differing(tmp_path / "a.npz", tmp_path / "b.npz") == {"tanh": "1 of 100 results, 1 ULP at most"}


def test_a_function_that_is_not_known_to_differ_is_wrong(monkeypatch, tmp_path, capsys):
    def compute(machine, file):
        np.savez(file, tanh=np.ones(2) + (machine.name == "other") * 1e-15, cdist=np.ones(2) + len(machine.name))

    monkeypatch.setattr(functions_apart, "compute", compute)
    assert functions_apart.check([Machine("other")], tmp_path) == ["tanh on other"]
    assert "cdist: 2 of 2 results" in capsys.readouterr().out


def test_the_known_ones_are_in_the_table():
    names = {name + note for name in operations.table() for note in ("", " (double)")}
    assert set(operations.KNOWN) <= names


@pytest.mark.parametrize("planted, held", [(1.3, True), (1.9, False)])
def test_the_cost_is_judged_by_runs_in_turns(monkeypatch, capsys, planted, held):
    """On a machine that gets slower and slower: the order A B B A takes a steady drift away."""
    turns = iter(range(100))

    def seconds(profile, folder):
        drift = 1.02 ** next(turns)
        return {"start": 3 * drift, "update": (planted if profile == "portable" else 1.0) * drift}

    monkeypatch.setattr(cost, "seconds", seconds)
    monkeypatch.setattr(cost, "_python", lambda *_: "")
    wrong = cost.check()
    assert (wrong == []) == held
    assert f"update: {planted:.2f} (pairs: " in capsys.readouterr().out
    assert held or wrong == ["an update takes 1.90 times as long under portable, more than 1.6"]
