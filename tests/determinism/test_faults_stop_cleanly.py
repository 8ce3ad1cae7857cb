"""What can't be trained on stops a run with status 2, one message, and everything written so far."""

from __future__ import annotations

import re

import pytest
import torch

from sac.cli import main
from sac.envs.point import PointVectorEnv
from sac.learner.factory import learner_kind
from sac.ledger.file import read_ledger
from tests.determinism.dying import run
from tests.determinism.runs import assert_equal, run_fresh

SMALL = [
    "--env_id=Point-v1",
    "--num_envs=4",
    "--training_freq=16",
    "--batch_size=16",
    "--buffer_size=400",
    "--learning_starts=64",
    "--total_timesteps=160",
    "--eval_freq=0",
    "--threads=1",
]
BAD = {
    "unknown task": ["--env_id=StackCubes-v1"],
    "no environments": ["--num_envs=0"],
    "negative steps": ["--total_timesteps=-5"],
    "buffer smaller than a batch": ["--buffer_size=10", "--batch_size=64"],
    "num_envs does not divide training_freq": ["--num_envs=3"],
    "missing checkpoint": ["--checkpoint=nowhere.pt"],
    "not a number": ["--seed=abc"],
    "unknown flag": ["--sed=1"],
    "workers in words": ["--workers=many"],
    "more workers than environments": ["--workers=5"],
    "no GPU": ["--device=cuda"],
    "GPU physics under a promise": ["--sim_backend=physx_cuda"],
    "too many threads for portable": ["--numerics=portable", "--threads=9"],
}
NAMED = {
    "unknown task": ["--env_id", "StackCubes-v1", "StackCube-v1"],
    "no environments": ["--num_envs", "0", "greater"],
    "negative steps": ["--total_timesteps", "-5", "greater"],
    "buffer smaller than a batch": ["--buffer_size", "10", "64"],
    "num_envs does not divide training_freq": ["--num_envs", "3", "1, 2, 4, 8, 16"],
    "missing checkpoint": ["--checkpoint", "nowhere.pt"],
    "not a number": ["seed", "abc"],
    "unknown flag": ["--sed"],
    "workers in words": ["--workers", "many", "auto"],
    "more workers than environments": ["--workers", "5", "auto", "serial", "4"],
    "no GPU": ["--device", "cuda", "cpu"],
    "GPU physics under a promise": ["--sim_backend", "physx_cuda", "physx_cpu"],
    "too many threads for portable": ["--threads", "9", "portable"],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_message(tmp_path, name):
    if name == "no GPU" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    flags, output = [*SMALL, *BAD[name]], tmp_path / "output.txt"
    if "--numerics=portable" in flags:
        # What this profile sets must be set before torch loads, so not in a fork of a process that has it.
        done = run_fresh(tmp_path / "run", flags)
        code, text = done.returncode, done.stderr
    else:
        code = run([*flags, f"--run_dir={tmp_path}/run"], output=output)
        text = output.read_text()
    assert code == 2, text
    assert "Traceback" not in text
    for word in NAMED[name]:
        assert word in text, f"{word!r} is not in: {text}"
    assert not (tmp_path / "run" / "ledger.jsonl").exists()


def test_a_run_folder_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["train", *SMALL, f"--run_dir={tmp_path}/file/run"]) == 2
    assert "--run_dir" in capsys.readouterr().err


def test_a_run_folder_that_holds_a_run_is_left_alone(tmp_path, capsys):
    assert main(["train", *SMALL, f"--run_dir={tmp_path}/run"]) == 0
    before = (tmp_path / "run" / "ledger.jsonl").read_bytes()
    assert main(["train", *SMALL, f"--run_dir={tmp_path}/run"]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "run" / "ledger.jsonl").read_bytes() == before


FIELDS = ("reward", "next_observation")


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_that_is_not_finite_stops_the_run_and_is_located(tmp_path, monkeypatch, capsys, field):
    """Environment 2 gives NaN at its 31st step: with 4 steps in an iteration, that is the eighth iteration."""
    import dataclasses

    step, calls = PointVectorEnv.step, []

    def poisoned(self, action):
        batch = step(self, action)
        calls.append(1)
        if len(calls) == 31:
            values = getattr(batch, field).clone()
            values[2] = float("nan")
            return dataclasses.replace(batch, **{field: values})
        return batch

    monkeypatch.setattr(PointVectorEnv, "step", poisoned)
    assert main(["train", *SMALL, f"--run_dir={tmp_path}/run"]) == 2
    message = capsys.readouterr().err
    for word in ("environment 2", field, "nan", "step 30"):
        assert word in message
    assert [line.iteration for line in read_ledger(tmp_path / "run").lines] == list(range(8))


def test_a_disk_too_full_for_the_last_checkpoint_still_leaves_the_policy(tmp_path, monkeypatch, capsys):
    """Ten iterations; the checkpoint of the eighth is whole and stays."""
    from sac.run import storage

    replace, names = storage.os.replace, []

    def full(source, target, **options):
        if target.name == "state-000000000010.safetensors":
            raise OSError(28, "No space left on device")
        names.append(target.name)
        return replace(source, target, **options)

    monkeypatch.setattr(storage.os, "replace", full)
    assert main(["train", *SMALL, "--checkpoint_freq=4", f"--run_dir={tmp_path}/run"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert names[-2:] == ["state-000000000008.json", "policy.pt"]


def test_a_ledger_that_can_not_be_written_stops_the_run_and_names_the_command_that_goes_on(
    tmp_path, monkeypatch, capsys
):
    """The disk is full from the sixth line on; with room again the run ends as one that always had it."""
    from sac.ledger.file import LedgerWriter

    write, lines = LedgerWriter.write, []

    def full(self, *line, **more):
        lines.append(line)
        if len(lines) > 5:
            raise OSError(28, "No space left on device")
        write(self, *line, **more)

    flags = [*SMALL, "--checkpoint_freq=2"]
    with monkeypatch.context() as patched:
        patched.setattr(LedgerWriter, "write", full)
        assert main(["train", *flags, f"--run_dir={tmp_path}/run"]) == 2
    message = capsys.readouterr().err
    assert "No space left on device" in message and f"sac train --resume {tmp_path}/run" in message
    assert main(["train", "--resume", f"{tmp_path}/run"]) == 0
    assert main(["train", *flags, f"--run_dir={tmp_path}/whole"]) == 0
    assert_equal(read_ledger(tmp_path / "run"), read_ledger(tmp_path / "whole"))


def test_a_nan_in_the_networks_stops_the_run_in_its_iteration_and_reaches_no_file(tmp_path, monkeypatch, capsys):
    """It is in the first layer, where a ReLU can make 0 of it, so that actions and evaluations look sound."""
    learner = learner_kind(torch.device("cpu"))
    update, updates = learner.update, []

    def poisoned(self, *arguments):
        info = update(self, *arguments)
        updates.append(1)
        if self.state.updates == 20:
            self.state.actor.views["weight.0"].fill_(float("nan"))
        return info

    monkeypatch.setattr(learner, "update", poisoned)
    flags = [*SMALL, "--eval_freq=16", "--num_eval_envs=1", "--checkpoint_freq=1", f"--run_dir={tmp_path}/run"]
    assert main(["train", *flags]) == 2
    message = capsys.readouterr().err
    last = read_ledger(tmp_path / "run").lines[-1]
    # oneDNN's ReLU hides it from all that is computed; the project's kernels hand it on to the losses.
    where = r"(param.actor weight.0\[0, 0\]|update.critic_loss\[\d, 0\]) is nan"
    assert re.search(rf"iteration {last.iteration} \(step {last.global_step}\): {where}", message)
    assert "--policy_lr" in message and "Traceback" not in message
    assert len(updates) >= 20 and "eval.return" not in last.digests
    saved = [path for path in (tmp_path / "run" / "checkpoints").rglob("*") if path.suffix in (".pt", ".safetensors")]
    for path in saved:
        assert str(last.global_step) not in path.stem.split("_") and not path.stem.endswith(f"-{last.iteration:012d}")
    assert saved and not (tmp_path / "run" / "policy.pt").exists()


def test_a_policy_of_nan_is_not_evaluated(tmp_path, capsys):
    assert main(["train", *SMALL, f"--run_dir={tmp_path}/run"]) == 0
    saved = torch.load(tmp_path / "run" / "policy.pt", weights_only=True)
    saved["actor"]["backbone.0.weight"].fill_(float("nan"))
    torch.save(saved, tmp_path / "run" / "policy.pt")
    assert main(["eval", f"{tmp_path}/run", "--episodes=1"]) == 2
    message = capsys.readouterr().err
    assert "--checkpoint" in message and "nan" in message
