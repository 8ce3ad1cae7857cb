"""Whatever befalls a system call of a checkpoint, the newest complete one loads, and the run ends equal."""

from __future__ import annotations

import itertools
import random
import shutil

import pytest

from tests.determinism.dying import CALLS, KILLED, KINDS, Death, run
from tests.determinism.resuming import FLAGS, assert_equal_runs, finish, resumed_from, uninterrupted
from tests.nightly import NIGHTLY

INJECTED = 240 if NIGHTLY else 24
"""At least 200, or 20, of these end the process, by SIGKILL or an error; a short write must not."""
TRAINING = [*FLAGS, "--checkpoint_freq=2", "--keep_checkpoints=1"]
RESUMING = ["ledger.jsonl", "metrics.csv", "manifest.json", "success_history.csv", "times.csv"]
REFUSALS = ("disk full", "read only")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return uninterrupted(tmp_path_factory.mktemp("base") / "run", "--checkpoint_freq=0")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The system calls that an undisturbed run makes for manifest and checkpoints, in order."""
    folder = tmp_path_factory.mktemp("traced")
    uninterrupted(folder / "run", *TRAINING[len(FLAGS) :], trace=folder / "calls.txt")
    return (folder / "calls.txt").read_text().splitlines()


def cases(calls: list[str]) -> list[tuple[int, str]]:
    """Call and what befalls it: `INJECTED` of all there are, each kind as often as it can be; a fixed choice."""
    writes = [number for number, call in enumerate(calls, start=1) if call.startswith("pwrite")]
    everything = list(range(1, len(calls) + 1))
    choose = random.Random(1)
    queues = {kind: choose.sample(numbers, len(numbers)) for kind, numbers in _befallen(writes, everything)}
    rounds = itertools.zip_longest(*queues.values())
    possible = [(number, kind) for turn in rounds for kind, number in zip(queues, turn, strict=True) if number]
    return possible[:INJECTED]


def _befallen(writes: list[int], everything: list[int]) -> list[tuple[str, list[int]]]:
    """Half a write, and a short one, befall writes only."""
    return [(kind, writes if "write" in kind else everything) for kind in KINDS]


def committed(calls: list[str], number: int) -> int:
    """Iteration of the newest checkpoint whose record was in place before call `number`; 0 before the first."""
    done = [call for call in calls[: number - 1] if call.startswith("replace") and call.endswith(".json")]
    return max([int(call.split("state-")[-1].removesuffix(".json")) for call in done if "state-" in call] or [0])


def test_every_kind_of_call_is_made_and_disturbed(calls):
    assert {call.split()[0] for call in calls} == set(CALLS)
    tried = {(calls[number - 1].split()[0], kind) for number, kind in cases(calls)}
    assert {kind for _, kind in tried} == set(KINDS) and {call for call, _ in tried} == set(CALLS)


def test_nothing_is_lost_whatever_befalls_a_system_call(base, calls, tmp_path):
    chosen, lost = cases(calls), []
    for number, kind in chosen:
        folder, output = tmp_path / f"{number}-{kind.replace(' ', '-')}", tmp_path / "output.txt"
        code = run([*TRAINING, "--run_dir", str(folder)], Death(call=number, kind=kind), output)
        expected = {"short write": 0}.get(kind, 2 if kind in REFUSALS else KILLED)
        assert code == expected, (
            f"{kind} at call {number} ({calls[number - 1]}) ended with {code}:\n{output.read_text()}"
        )
        if kind in REFUSALS:
            assert "Traceback" not in output.read_text() and "can't be" in output.read_text()
        if code != 0:
            finish(folder, TRAINING)
            newest = committed(calls, number)
            # One later, where the call that failed came behind the record's.
            starts = resumed_from(folder) or [0]
            if starts[-1] not in (newest, newest + 2):
                lost.append(f"{kind} at call {number} ({calls[number - 1]}): resumed from {starts}, not {newest}")
        assert_equal_runs(folder, base)
        shutil.rmtree(folder)
    assert not lost, "\n".join(lost)
    kinds = [kind for _, kind in chosen]
    short, refused = kinds.count("short write"), sum(kind in REFUSALS for kind in kinds)
    killed = len(kinds) - short - refused
    assert killed >= INJECTED // 2 and killed + refused >= INJECTED * 5 // 6
    print(
        f"\n{killed} runs killed in a system call, {refused} ended by a disk that refuses, {short} short writes, "
        f"{len(calls)} calls a run, 0 runs lost"
    )


def test_a_death_while_a_run_is_being_resumed_loses_nothing(base, tmp_path):
    """Resuming cuts ledger, metrics and histories and rewrites the manifest: each may be cut off itself."""
    dead, again = tmp_path / "dead", tmp_path / "again"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(dead)], Death(step=95)) == KILLED
    shutil.copytree(dead, again)
    assert run(["--resume", str(again)], Death(count=tmp_path / "calls.txt")) == 0
    names = (tmp_path / "calls.txt").read_text().splitlines()
    last = next(number for number, call in enumerate(names, start=1) if call.startswith("open rows"))
    renamed = [call.split()[-1] for call in names[:last] if call.startswith("replace")]
    assert [name for name in renamed if not name.startswith("policy")] == RESUMING
    for number in range(1, last + 1, 1 if NIGHTLY else 5):
        shutil.rmtree(again)
        shutil.copytree(dead, again)
        assert run(["--resume", str(again)], Death(call=number, kind="die after")) == KILLED
        finish(again)
        assert_equal_runs(again, base)


def test_a_record_that_is_not_renamed_into_place_would_be_noticed(base, tmp_path):
    """Negative control: written in place, a record that is half written when the process dies is broken."""
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    traced = ["--run_dir", str(tmp_path / "traced")]
    assert run([*TRAINING, *traced], Death(count=tmp_path / "calls.txt", in_place=True), output) == 0
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    written = 2 + next(place for place, call in enumerate(calls) if call.startswith("open state-") and ".json" in call)
    death = Death(call=written, kind="half a write", in_place=True)
    assert run([*TRAINING, "--run_dir", str(folder)], death, output) == KILLED
    assert [path.name for path in folder.glob("checkpoints/states/*.json")] == ["state-000000000002.json"]
    with pytest.raises(AssertionError, match="ended with 2"):
        finish(folder, TRAINING)
