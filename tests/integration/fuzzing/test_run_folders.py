"""Every file of a run folder, spoiled, before every command that reads it.

Three outcomes are right: the true answer, a refusal in one line with status 2 (or damage named, which is the answer of
`sac verify`), and the answer of an unspoiled folder where the byte does not matter. A traceback, a hang, or a wrong
value that is believed fails. `./dev nightly -- -s -k fuzzing` tries thousands and prints how many ended how.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sac
from sac.untrusted.seal import is_broken, is_sealed
from tests.examples import fewer
from tests.integration.fuzzing import reference
from tests.integration.fuzzing.asking import COUNTED, ask, ask_library
from tests.integration.fuzzing.mutations import mutations
from tests.integration.fuzzing.runs import copy_with, cut_short, files_of, train, writable_copy_with


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train(folder)
    return folder


@pytest.fixture(scope="module")
def unfinished(finished):
    folder = finished.parent / "unfinished"
    cut_short(finished, folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def count():
    yield
    print()
    for (command, outcome), number in sorted(COUNTED.items()):
        print(f"{command:14} {outcome:36} {number:6}")
    print(f"{'all':51} {COUNTED.total():6}")


def spoiled(data, folder, names=None):
    """Draw a file, and how it is spoiled: (name, what it held, kind, what it holds)."""
    name = data.draw(st.sampled_from(names or files_of(folder)))
    before = (folder / name).read_bytes()
    return name, before, *data.draw(mutations(before))


def is_forged(after):
    """Whether a checksum was made anew, by hands that mean harm: then the content is what they want it to be."""
    try:
        entry = json.loads(after)
        return is_sealed(entry) and not is_broken(entry)
    except (ValueError, RecursionError, TypeError, AttributeError):
        return False


def header_is_forged(after):
    return is_forged(after.partition(b"\n")[0])


def index_is_forged(after):
    line, _, checksum = after.partition(b"\n")
    return checksum.strip() == b"sha256:" + hashlib.sha256(line + b"\n").hexdigest().encode()


@fewer(2)
@given(st.data())
def test_diff(finished, unfinished, data):
    source = data.draw(st.sampled_from([finished, unfinished]))
    name, _, kind, after = spoiled(data, source, ["ledger.jsonl"])
    folder = copy_with(source, source.parent / "copy", name, kind, after)
    words = [folder, finished] if data.draw(st.booleans()) else [finished, folder]
    said = ask("diff", *words)
    if after is None:
        assert said.status == 2
    elif said.status != 2:
        same = reference.same_ledgers(after, (finished / name).read_bytes())
        assert same == (said.status == 0), said


@fewer(2)
@given(st.data())
def test_report(finished, data):
    name, before, kind, after = spoiled(data, finished)
    folder, page = copy_with(finished, finished.parent / "copy", name, kind, after), finished.parent / "page.html"
    runs = [folder] if data.draw(st.booleans()) else [finished, folder]
    said = ask("report", *runs, "-o", page, "--markdown", "-")
    if said.status == 2 or after is None or after == before:
        return
    named = "Damaged" in said.out or "Not comparable" in said.out or "Reason" in said.out
    if name == "manifest.json" and not is_forged(after):
        assert named or reference.same_json(before, after) or b'"sha256"' not in after, said
    if name == "ledger.jsonl" and len(runs) == 2 and "Equal, bit for bit" in said.out:
        assert reference.same_ledgers(before, after), said


@fewer(4)
@given(st.data())
def test_eval(finished, data):
    name, before, kind, after = spoiled(data, finished, ["policy.pt", "manifest.json"])
    words = ("eval", "--episodes=2", "--num_eval_envs=2", "--numerics=fast")
    folder = copy_with(finished, finished.parent / "copy", name, "bytes", before)
    expected = ask(*words, folder)
    assert expected.status == 0
    copy_with(finished, folder, name, kind, after)
    said = ask(*words, folder)
    if said.status == 0 and not (name == "manifest.json" and (after is None or is_forged(after))):
        assert said.out == expected.out
        assert name == "manifest.json" or reference.same_archive(before, after)


@fewer(2)
@given(st.data())
def test_verify(finished, unfinished, data):
    source = data.draw(st.sampled_from([finished, unfinished]))
    name, before, kind, after = spoiled(data, source)
    folder = copy_with(source, source.parent / "copy", name, kind, after)
    said = ask("verify", folder)
    if after is None:
        assert said.status != 0 or kind == "missing" or "?  " in said.out, said
    elif said.status == 0:
        assert before == after or _does_not_matter(name, before, after, source), (name, said)


def _does_not_matter(name, before, after, source):
    """Whether a spoiled file is whole by all that the run has left of it."""
    if name.endswith((".json", ".jsonl")) and (is_forged(after) or header_is_forged(after) or index_is_forged(after)):
        return True
    if name == "manifest.json":
        return reference.same_json(before, after) or not is_sealed(json.loads(after))
    if name.endswith(".pt"):
        return reference.same_archive(before, after)
    if name.startswith("events."):
        return before.startswith(after) or after.startswith(before)
    if name.endswith(".f32"):
        return after.startswith(before[: _counted(source, Path(name).name)])
    if name in ("ledger.jsonl", "metrics.csv"):
        # What was written after the newest checkpoint has a form alone; the header's own checksum may be left out.
        counted = _extent(source, name)
        body = (before.partition(b"\n")[2], after.partition(b"\n")[2]) if name == "ledger.jsonl" else (before, after)
        return body[0][:counted] == body[1][:counted]
    # An index that is gone takes its checkpoint with it.
    return name.endswith(".safetensors") and "states" not in name


def _index(source):
    newest = sorted((source / "checkpoints/states").glob("state-*.json"))[-1]
    return json.loads(newest.read_bytes().split(b"\n")[0])


def _extent(source, name):
    return _index(source)["ledger_bytes" if name == "ledger.jsonl" else "metrics_bytes"]


def _counted(source, name):
    return next(one["size"] for one in _index(source)["segments"] if name == f"rows-{one['start']:012d}.f32")


@settings(fewer(4), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.data())
def test_resume(finished, unfinished, data):
    files = [name for name in files_of(unfinished) if not name.startswith("events.")]
    name, _, kind, after = spoiled(data, unfinished, files)
    folder = writable_copy_with(unfinished, unfinished.parent / "copy", name, kind, after)
    held = {one: (folder / one).read_bytes() for one in files_of(folder)}
    said = ask("train", f"--resume={folder}")
    if said.status == 2:
        # Nothing was lost by the try.
        assert {one: (folder / one).read_bytes() for one in files_of(folder)} == held, said
        return
    if name.endswith(".json") and after is not None and is_forged(after):
        return
    assert (folder / "metrics.csv").read_bytes() == (finished / "metrics.csv").read_bytes(), said
    bodies = [(one / "ledger.jsonl").read_bytes().partition(b"\n")[2] for one in (folder, finished)]
    assert bodies[0] == bodies[1], said
    assert reference.members((folder / "policy.pt").read_bytes()) == reference.members(
        (finished / "policy.pt").read_bytes()
    )


@fewer(2)
@given(st.data())
def test_load_run(finished, data):
    name, before, kind, after = spoiled(data, finished, ["manifest.json", "ledger.jsonl", "metrics.csv"])
    whole, folder = sac.load_run(finished), copy_with(finished, finished.parent / "copy", name, kind, after)
    run = ask_library("load_run", lambda: sac.load_run(folder))
    if run is None:
        return
    ledger, metrics = ask_library("load_run", lambda: run.ledger), ask_library("load_run", lambda: run.metrics)
    if after is not None and name == "manifest.json" and not is_forged(after) and is_sealed(run.manifest):
        assert run.manifest == whole.manifest
    if ledger is not None and name == "ledger.jsonl" and after is not None:
        held = reference.ledger(after)
        assert held is not None and list(held) == ledger["iteration"].tolist()
    if metrics is not None and name == "metrics.csv" and after is not None and reference.same_table(before, after):
        rows = len(metrics["step"])
        assert all(np.array_equal(metrics[one], whole.metrics[one][:rows], equal_nan=True) for one in metrics)


@fewer(4)
@given(st.data())
def test_load_policy(finished, data):
    name, _, kind, after = spoiled(data, finished, ["policy.pt"])
    whole, folder = sac.load_policy(finished), copy_with(finished, finished.parent / "copy", name, kind, after)
    policy = ask_library("load_policy", lambda: sac.load_policy(folder))
    if policy is not None:
        observation = np.ones((1, whole.observation_dim), np.float32)
        assert np.array_equal(policy.predict(observation), whole.predict(observation))
