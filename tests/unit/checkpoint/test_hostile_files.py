"""Files that mean harm: each is refused in one line, and nothing in them is executed."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from sac.checkpoint.checkpoint import split
from sac.checkpoint.index import BadCheckpoint, index_path, read_index, tensor_path
from sac.checkpoint.resume import open_checkpoint
from sac.cli import main
from tests.unit.tiny_runs import CONFIG, tiny_run, tiny_state


class Bomb:
    """Code that runs if it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def pickled():
    return pickle.dumps({"state": Bomb()})


def zipped():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", b"\0" * 50_000_000)
    return target.getvalue()


def lying_header():
    """A header that claims a tensor of 2**60 bytes."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [2**58], "data_offsets": [0, 2**60]}}).encode()
    return len(header).to_bytes(8, "little") + header


def endless_header():
    return (2**63 - 1).to_bytes(8, "little") + b"{"


def another_shape():
    state = tiny_state()
    tensors, _ = split(state)
    return safetensors.torch.save({**tensors, "learner.log_alpha": torch.zeros(2)})


HOSTILE_TENSORS = [pickled, zipped, lying_header, endless_header, another_shape]


@pytest.mark.parametrize("make", HOSTILE_TENSORS)
def test_a_hostile_file_of_tensors_with_a_right_checksum_is_refused_in_one_line(tmp_path, monkeypatch, capsys, make):
    monkeypatch.chdir(tmp_path)
    resume = tiny_run(tmp_path / "run")
    data = make()
    tensor_path(resume.folder.states, 3).write_bytes(data)
    rewrite(resume, tensor_bytes=len(data), tensor_sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(BadCheckpoint) as caught:
        open_checkpoint(resume).fill(tiny_state())
    assert "\n" not in str(caught.value) and not (tmp_path / "executed").exists()


def test_the_pickle_would_run_if_it_were_unpickled(tmp_path, monkeypatch):
    """Negative control."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickled())
    assert (tmp_path / "executed").exists()


def rewrite(resume, **changes):
    """Change a record and give it the right checksum, as one could who means harm."""
    path = index_path(resume.folder.states, 3)
    entry = json.loads(path.read_bytes().split(b"\n")[0])
    line = json.dumps({**entry, **changes}).encode() + b"\n"
    path.write_bytes(line + f"sha256:{hashlib.sha256(line).hexdigest()}\n".encode())


SEGMENT = {"start": 0, "rows": 6, "size": 144, "sha256": "0" * 64}
HOSTILE_RECORDS = {
    "a path in an entry of its own": {"path": "../../etc/passwd"},
    "a path in a segment": {"segments": [{**SEGMENT, "name": "../../../etc/passwd"}]},
    "a path for a number": {"segments": [{**SEGMENT, "start": "../../x"}]},
    "a wild length": {"tensor_bytes": 10**18},
    "a negative length": {"tensor_bytes": -1},
    "a number without end": {"ledger_bytes": 10**400},
    "a float": {"iteration": 3.0},
    "another iteration": {"iteration": 999},
    "a wild segment": {"segments": [{**SEGMENT, "size": 2**61}]},
    "a digest that is none": {"tensor_sha256": "../../../x"},
    "counters that are a list": {"counters": [1, 2]},
    "a wild counter": {"counters": {"iteration": 10**30}},
    "no config": {"config": {}},
    "a config of wild values": {"config": {**CONFIG.to_dict(), "num_envs": 10**30}},
    "another format": {"format": 99},
}


@pytest.mark.parametrize("name", HOSTILE_RECORDS)
def test_a_hostile_record_with_a_right_checksum_is_refused_in_one_line(tmp_path, capsys, name):
    resume = tiny_run(tmp_path)
    rewrite(resume, **HOSTILE_RECORDS[name])
    assert main(["train", "--resume", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("sac train: error: ") and "\n" not in message and len(message) < 1500


COUNTERS = {
    "replay.position": 5,
    "replay.size": 99,
    "collector.steps": 7,
    "iteration": 2,
    "replay.written": 2**40,
    "global_step": 3,
}


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_that_no_run_leads_to_is_refused(tmp_path, name):
    resume = tiny_run(tmp_path)
    counters = read_index(resume.folder.states, 3).counters
    rewrite(resume, counters={**counters, name: COUNTERS[name]})
    with pytest.raises(ValueError, match="no run leads to"):
        open_checkpoint(resume).fill(tiny_state())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"config": 3}',
        '{"config": {"seed": 1}}',
        json.dumps({"config": {**CONFIG.to_dict(), "num_envs": "many"}}),
        json.dumps({"config": {**CONFIG.to_dict(), "num_envs": 10**30}}),
        json.dumps({"config": {**CONFIG.to_dict(), "num_envs": 10**9}}),
        json.dumps({"config": {**CONFIG.to_dict(), "seed": 5}}),
        json.dumps({"config": {**CONFIG.to_dict(), "total_timesteps": float("nan")}}),
    ],
)
def test_a_wild_manifest_is_refused_in_one_line(tmp_path, capsys, text):
    tiny_run(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    assert main(["train", "--resume", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("sac train: error: ") and "\n" not in message and len(message) < 1500


def test_a_folder_without_a_run_is_refused(tmp_path, capsys):
    assert main(["train", "--resume", str(tmp_path / "nowhere")]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_a_journal_without_some_of_the_rows_is_refused(tmp_path):
    resume = tiny_run(tmp_path)
    rewrite(resume, segments=[])
    with pytest.raises(BadCheckpoint, match="no segment holds the 6 rows"):
        open_checkpoint(resume).fill(tiny_state())
