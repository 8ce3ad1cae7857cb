"""The benchmark of a GPU without a GPU: its parts on the CPU."""

import pytest

from sac.processes import Children
from tests.nightly import at_night
from tools.gpu import command as gpu
from tools.gpu import machine
from tools.gpu.parts import PARTS, Request, read

FACTS = {"GPU": "H999", "cores": 16}


POINT = ("--env_id=Point-v1", "--num_envs=4", "--num_eval_envs=2", "--num_eval_steps=20", "--training_freq=16")


POINT += ("--batch_size=16", "--buffer_size=400", "--learning_starts=32", "--utd=0.25", "--eval_freq=32")


POINT += ("--threads=1", "--no-capture_video", "--no-tensorboard", "--no-progress")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The long runs, on the CPU and short, and their comparison."""
    request = Request(tmp_path_factory.mktemp("gpu"), "cpu", total_timesteps=80, issue=POINT)
    with Children() as children:
        gpu.run_parts([part for part in PARTS if part.startswith("issue")], request, FACTS, children)
        yield request, children


@at_night("trainings, for a tool that needs a GPU")
def test_the_long_runs_are_timed_and_compared(trained, capfd):
    request, _ = trained
    first, second, both = (read(request.out, f"issue_1250_{name}") for name in ("first", "second", "equal"))
    assert first["status"] == second["status"] == both["status"] == 0
    assert first["steps"] == 80 and first["wall_seconds"] > 0 and 0 <= float(first["success_once"]) <= 1
    assert both["ledgers"] == "6 iterations compared" and both["policies_equal"]
    assert both["runs"] == [first["run"], second["run"]] and first["run"] != second["run"]
    assert not (request.out / first["run"] / "checkpoints" / "states").exists()
    assert (request.out / "summary.md").read_text().count("trial: not the full command") == 3


@at_night("trainings, for a tool that needs a GPU")
def test_runs_that_differ_miss_the_aim(trained):
    """The negative control: other seeds, by the same way, after which the older comparison counts no more."""
    request, children = trained
    other = Request(request.out, "cpu", total_timesteps=80, issue=(*POINT, "--seed=2"))
    assert gpu.run_parts(["issue_1250_second"], other, FACTS, children) == 0
    assert "a run has been made again since" in (request.out / "summary.md").read_text()
    assert gpu.run_parts(["issue_1250_equal"], other, FACTS, children) == 1
    found = read(request.out, "issue_1250_equal")
    assert found["ledgers"] == "parts at iteration 0, env.seed" and not found["policies_equal"]


@at_night("trainings, for a tool that needs a GPU")
@pytest.mark.parametrize("planted, status", [("--vary=PYTHONHASHSEED=1,2", 0), ("--vary=gamma=0.8,0.9", 1)])
def test_the_twin_is_equal_or_is_not(tmp_path, planted, status):
    request = Request(tmp_path, "cpu", twin=(*POINT, "--total_timesteps=80", planted))
    with Children() as children:
        assert gpu.run_parts(["twin"], request, FACTS, children) == status
    assert read(tmp_path, "twin")["status"] == status


def test_a_run_that_can_not_train_is_an_error_and_so_is_what_needs_it(tmp_path, capfd):
    request = Request(tmp_path, "cpu", issue=("--env_id=Point-v1", "--num_envs=3"))
    with Children() as children:
        assert gpu.run_parts(["issue_1250_first", "issue_1250_equal"], request, FACTS, children) == 2
    text = (tmp_path / "summary.md").read_text()
    assert "sac train ended with status 2" in text and "it takes both runs" in text
    assert "--num_envs 3" in capfd.readouterr().err


@pytest.mark.skipif(not machine.device_trouble(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_run_and_one_line_says_so(tmp_path, capfd):
    assert gpu.main(["--out", str(tmp_path / "out")]) == 2
    said = capfd.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    for words in ("no CUDA device", "torch.cuda.is_available() is False", "python -m sac doctor"):
        assert words in said.err
    assert not (tmp_path / "out").exists()
