"""Measuring processes: what they count, and what is told of one that fails or hangs."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sac.bench import calibrate
from sac.bench import rounds as rounds_module
from sac.bench.compare import Wanted, result_of
from sac.bench.judge import BenchVerdict
from sac.bench.rounds import Rounds, Setup
from sac.bench.trees import Tree
from sac.bench.workloads.cases import CASES
from tests.integration.watching import is_running, wait_for
from tests.nightly import at_night

ROOT = Path(__file__).parents[3]


@at_night("four measuring processes; the others show that a planted tree is the one measured")
@pytest.mark.timeout(600)
def test_a_planted_fault_is_counted_and_a_fault_free_twin_is_not():
    here = Tree(ROOT, "here")
    fault = calibrate.FAULTS["item"]
    twin, faulty = Rounds(here, here, Setup(budget=0.1)), None
    twin.run(["update_256"])
    before, after = twin.records["update_256"].counters
    assert before == after and before["operations"] > 0
    with calibrate.planted(here, fault, 3) as slow:
        faulty = Rounds(here, slow, Setup(budget=0.1))
        faulty.run(["update_256"])
    assert faulty.records["update_256"].errors == ("", "")
    before, after = faulty.records["update_256"].counters
    assert after["host_syncs"] == before["host_syncs"] + 3
    assert set(faulty.hellos[1]["own"]) == set(CASES)


@pytest.mark.timeout(600)
def test_a_head_that_hangs_is_killed_and_told(monkeypatch):
    greet = rounds_module.BenchWorker.greet

    def greet_then_hurry(worker):
        # What will hang needs no patience; the sound process may take as long as a busy machine makes it.
        hello = greet(worker)
        worker.patience = 2 if worker.tree is endless else worker.patience
        return hello

    monkeypatch.setattr(rounds_module.BenchWorker, "greet", greet_then_hurry)
    here = Tree(ROOT, "here")
    with calibrate.planted(here, calibrate.Fault("__import__('time').sleep(10**6)", 1), 1) as endless:
        rounds = Rounds(here, endless, Setup(budget=0.1))
        rounds.run(["update_256", "ledger_line"])
    found = result_of("update_256", rounds.records["update_256"], Wanted())
    assert found.verdict is BenchVerdict.FAILED and found.note.endswith("a kill, after 2 s without an answer")
    # The other benchmarks have the next pair.
    assert "ledger_line" not in rounds.records


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_measuring_process_that_hangs_ends_with_the_program(tmp_path):
    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)
    program = f"""if True:
        import os, signal
        from pathlib import Path
        from sac.bench.rounds import Setup, BenchWorker
        from sac.bench.trees import Tree
        worker = BenchWorker(Tree(Path({str(ROOT)!r}), "here", python={str(endless)!r}), Setup())
        print(worker._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    wait_for(lambda: not is_running(int(done.stdout)), 20)


@pytest.mark.timeout(600)
def test_a_head_that_can_not_run_a_benchmark_is_told(tmp_path):
    here = Tree(ROOT, "here")
    with calibrate.planted(here, calibrate.Fault("raise KeyError('planted')", 1), 1) as broken:
        rounds = Rounds(here, broken, Setup(budget=0.1))
        rounds.run(["update_256", "ledger_line"])
    assert result_of("update_256", rounds.records["update_256"], Wanted()).note.endswith("KeyError: 'planted'")
    assert rounds.records["ledger_line"].errors == ("", "")
