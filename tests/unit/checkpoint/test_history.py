"""What a run wrote before its checkpoint is what a resume goes on from, or it says what is damaged, and where."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.checkpoint.checkpoint import Checkpoints, Position
from sac.checkpoint.index import BadCheckpoint, index_path, read_index
from sac.checkpoint.integrity import check_run
from sac.checkpoint.resume import find_run, open_checkpoint
from sac.cli import main
from sac.config import TrainConfig
from sac.ledger.file import LedgerWriter
from sac.run import folder as run_folder
from sac.run.folder import RunFolder
from sac.run.metrics_file import MetricsFile
from sac.state import EpisodeSums
from tests.examples import fewer
from tests.unit.tiny_runs import CONFIG, FINGERPRINT, advance, tiny_state

EVALUATION = {"success_once": 0.5, "success_at_end": 0.25, "return": 1.5}


def write_run(root, iterations=(2, 4), lines=6):
    """A run with a ledger and metrics, killed after `lines` iterations; returns what finds it again."""
    folder, config = RunFolder(root), TrainConfig(**{**CONFIG.to_dict(), "keep_checkpoints": 3})
    folder.states.mkdir(parents=True)
    header = run_folder.write_manifest(folder, config, FINGERPRINT)
    state, checkpoints = tiny_state(), Checkpoints(folder.states, config, FINGERPRINT)
    with LedgerWriter(folder.ledger, header) as ledger, MetricsFile(folder.metrics) as metrics:
        ledger.write(0, 0, {"env.seed": "0" * 16}, {"alpha": 0.1})
        for number in range(1, lines + 1):
            advance(state)
            ledger.write(number, state.global_step, {"env.seed": f"{number:016x}"}, {"alpha": 0.1 * number})
            metrics.write(state.global_step, EVALUATION, 16, EpisodeSums.zeros(7))
            if number in iterations:
                checkpoints.save(state, Position.of(ledger.sync(), metrics.sync()))
    return folder


def opened(folder, iteration=None):
    return open_checkpoint(find_run(folder.root, iteration, False))


def test_a_whole_history_is_taken(tmp_path):
    assert opened(write_run(tmp_path)).index.iteration == 4


@pytest.mark.parametrize("name", ["ledger.jsonl", "metrics.csv"])
def test_every_byte_before_the_checkpoint_counts_and_none_after_it(tmp_path, name):
    folder = write_run(tmp_path)
    path, index = tmp_path / name, read_index(folder.states, 4)
    before = path.read_bytes()
    start = before.index(b"\n") + 1 if name == "ledger.jsonl" else 0
    end = start + (index.ledger_bytes if name == "ledger.jsonl" else index.metrics_bytes)
    assert start < end < len(before)
    for place in range(0, len(before), 29):
        path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
        if place < end:
            with pytest.raises((BadCheckpoint, ValueError)) as caught:
                opened(folder)
            assert name in str(caught.value) and "\n" not in str(caught.value)
        else:
            assert opened(folder).index.iteration == 4


def test_a_checkpoint_without_checksums_would_believe_it(tmp_path, capsys):
    """Negative control, and what a checkpoint of an older release does: it resumes, and says what is not verified."""
    folder = write_run(tmp_path)
    path = index_path(folder.states, 4)
    entry = json.loads(path.read_bytes().split(b"\n")[0])
    entry = {name: value for name, value in entry.items() if name not in ("ledger_sha256", "metrics_sha256")}
    line = json.dumps({**entry, "format": 1}).encode() + b"\n"
    path.write_bytes(line + f"sha256:{hashlib.sha256(line).hexdigest()}\n".encode())
    folder.ledger.write_bytes(folder.ledger.read_bytes().replace(b'"alpha": 0.1}', b'"alpha": 0.9}'))
    assert opened(folder).index.iteration == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "ledger.jsonl and metrics.csv: not verified" in said


def test_damage_is_placed_between_checkpoints_and_the_line_is_named(tmp_path):
    folder = write_run(tmp_path)
    lines = folder.ledger.read_bytes().split(b"\n")
    lines[4] = lines[4].replace(b'"values"', b'"valves"')
    folder.ledger.write_bytes(b"\n".join(lines))
    first, last = (read_index(folder.states, number).ledger_bytes for number in (2, 4))
    start = len(lines[0]) + 1
    with pytest.raises(BadCheckpoint) as caught:
        opened(folder)
    text = str(caught.value)
    assert f"between byte {start + first:,} and byte {start + last:,} (lines 5 to 6) it is not what was written" in text
    assert "ledger.jsonl:5: expected 'values' to be an object, found none" in text
    assert f"The checkpoint of iteration 2 is intact: resume with sac train --resume {tmp_path} --resume_from 2" in text
    assert opened(folder, 2).index.iteration == 2


@pytest.mark.parametrize("name", ["ledger.jsonl", "metrics.csv"])
def test_a_history_that_is_gone_or_cut_is_named(tmp_path, name):
    folder = write_run(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: whole.index(b"\n") + 100])
    with pytest.raises(BadCheckpoint, match="cut short"):
        opened(folder)
    (tmp_path / name).unlink()
    with pytest.raises(BadCheckpoint, match="no such file"):
        opened(folder)


def test_an_edited_manifest_is_refused_and_says_how_to_go_on(tmp_path, capsys):
    folder = write_run(tmp_path)
    folder.manifest.write_text(folder.manifest.read_text().replace('"seed": 1', '"seed": 2'))
    assert main(["train", "--resume", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "its own checksum says" in said and "remove the member 'sha256'" in said and said.count("\n") == 1


@fewer(4)
@given(st.sampled_from([2, 4]), st.data())
def test_verify_sees_every_flipped_bit_of_what_a_checkpoint_counts(tmp_path_factory, newest, data):
    folder = write_run(tmp_path_factory.mktemp("run"), (2, newest))
    names = ["manifest.json", "ledger.jsonl", "metrics.csv", f"checkpoints/states/state-{newest:012d}.json"]
    names += [f"checkpoints/states/state-{newest:012d}.safetensors"]
    name = data.draw(st.sampled_from(names))
    path, index = folder.root / name, read_index(folder.states, newest)
    before = path.read_bytes()
    counted = {"ledger.jsonl": before.find(b"\n") + 1 + index.ledger_bytes, "metrics.csv": index.metrics_bytes}
    place = data.draw(st.integers(0, 8 * counted.get(name, len(before)) - 1))
    spoiled = bytearray(before)
    spoiled[place // 8] ^= 1 << place % 8
    path.write_bytes(spoiled)
    bad = " ".join(finding.name + finding.text for finding in check_run(folder) if finding.state == "damaged")
    # Blanks between the members of a manifest mean nothing.
    assert name in bad or (name == "manifest.json" and same(before, spoiled))


def same(a, b):
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return False


def test_verify_says_what_each_file_was_checked_by_and_what_none_covers(tmp_path, capsys):
    folder = write_run(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "step_0.mp4").write_bytes(b"film")
    assert main(["verify", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "ok   manifest.json: its own checksum agrees" in out
    assert "ok   ledger.jsonl: the newest checkpoint's checksum agrees; the last" in out
    assert "their form alone was checked" in out
    assert "?    videos/step_0.mp4: nothing says what was written into it" in out
    assert out.splitlines()[-1] == "whole: 6 files; 1 of 6 not covered by a checksum"
    folder.ledger.write_bytes(folder.ledger.read_bytes()[:-5])
    assert main(["verify", str(tmp_path)]) == 0
    assert "its last line is unfinished, as a killed run leaves it" in capsys.readouterr().out
    folder.metrics.unlink()
    assert main(["verify", "--json", str(tmp_path)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["whole"]
    assert [one["name"] for one in found["files"] if one["state"] == "damaged"] == ["metrics.csv"]


def test_verify_refuses_what_is_no_run(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "no run folder" in capsys.readouterr().err
