"""What a sweep consists of, what it refuses, and how many runs go at once."""

import json
import sys
import types
from pathlib import Path

import pytest

from sac.cli import main
from sac.commands import sweep, sweep_engines
from sac.commands.sweep_engines import SweepTask, run_on_ray, run_on_slurm
from sac.commands.sweep_plan import make_plan, parse_grid, parse_seeds
from sac.config import BadConfig
from sac.ledger.file import last_step
from sac.numerics.machine import available_memory

POINT = ["--env_id=Point-v1", "--num_envs=1", "--training_freq=8", "--batch_size=8", "--buffer_size=100"]
POINT += ["--learning_starts=8", "--total_timesteps=24", "--eval_freq=8", "--threads=1", "--num_eval_envs=1"]
POINT += ["--no-capture_video", "--no-tensorboard"]


def train_here(tasks, jobs, done):
    """The local engine in this process."""
    for task in tasks:
        done(task, main(list(task.words)))


@pytest.fixture
def swept(tmp_path, monkeypatch):
    """Sweeps in a folder of its own; returns (status, names that were trained)."""
    trained = []

    def engine(tasks, jobs, done):
        trained.extend(task.name for task in tasks)
        train_here(tasks, jobs, done)

    monkeypatch.setattr(sweep, "run_locally", engine)

    def run(*arguments):
        trained.clear()
        status = main(["sweep", f"--sweep_dir={tmp_path / 's'}", *POINT, *arguments])
        return status, list(trained)

    return run


def test_seeds_are_ranges_and_numbers():
    assert parse_seeds("42-44,7, 50") == [42, 43, 44, 7, 50]


@pytest.mark.parametrize("text", ["", "a", "5-3", "1,1", "1-3,2", "-1", "1-99999999", "1-2-3", str(2**70)])
def test_bad_seeds_are_refused(text):
    with pytest.raises(BadConfig, match="--seeds"):
        parse_seeds(text)


def test_a_grid_is_all_combinations():
    assert parse_grid(["gamma=0.8,0.9", "tau=0.01"]) == [
        {"gamma": "0.8", "tau": "0.01"},
        {"gamma": "0.9", "tau": "0.01"},
    ]
    assert parse_grid([]) == [{}]


@pytest.mark.parametrize(
    "item, words",
    [
        ("gamma", "NAME=A,B"),
        ("gamma=", "NAME=A,B"),
        ("gamma=1,1", "differ"),
        ("gama=1", "did you mean gamma"),
        ("seed=1", "own"),
    ],
)
def test_a_bad_grid_is_refused(item, words):
    with pytest.raises(BadConfig, match=words):
        parse_grid([item])


def test_each_seed_is_begun_in_all_settings_before_the_next_seed(tmp_path):
    plan = make_plan(tmp_path, POINT, [1, 2], parse_grid(["gamma=0.8,0.9"]))
    assert [run.name for run in plan] == [
        "gamma=0.8,seed=1",
        "gamma=0.9,seed=1",
        "gamma=0.8,seed=2",
        "gamma=0.9,seed=2",
    ]
    assert [(run.config.seed, run.config.gamma) for run in plan] == [(1, 0.8), (1, 0.9), (2, 0.8), (2, 0.9)]


@pytest.mark.parametrize("flag", ["--seed=1", "--run-dir=x", "--resume=x", "--evaluate"])
def test_flags_that_a_sweep_sets_itself_are_refused(swept, capsys, flag):
    assert swept("--seeds=1", flag) == (2, [])
    assert "a sweep" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--ledger_freq=0"], ["--jobs=0"], ["--jobs=x"], ["--slurm", "a=b"], ["--gamma=7"]])
def test_what_can_not_work_is_refused_before_anything_is_trained(swept, flags):
    assert swept("--seeds=1", *flags) == (2, [])


def test_what_is_finished_is_not_repeated_and_seeds_are_added(swept, capsys):
    assert swept("--seeds=1-2") == (0, ["seed=1", "seed=2"])
    assert swept("--seeds=1-2") == (0, [])
    assert swept("--seeds=1-3") == (0, ["seed=3"])
    assert "3 of 3 runs are finished" in capsys.readouterr().out


def test_a_finished_run_is_extended_by_more_steps(swept, tmp_path):
    swept("--seeds=1")
    assert swept("--seeds=1", "--total_timesteps=40") == (0, ["seed=1"])
    assert last_step(tmp_path / "s" / "seed=1" / "ledger.jsonl") == 40
    assert swept("--seeds=1") == (2, []), "fewer steps than it has"


def test_a_folder_of_another_experiment_is_refused(swept, capsys):
    swept("--seeds=1")
    assert swept("--seeds=1-2", "--gamma=0.5") == (2, [])
    assert "was begun with other flags (--gamma is 0.8, not 0.5)" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["policy.pt", "ledger.jsonl"])
def test_a_run_whose_end_is_not_told_of_is_not_finished(swept, tmp_path, lost):
    swept("--seeds=1")
    run = make_plan(tmp_path / "s", POINT, [1], [{}])[0]
    before = run.state
    (run.folder.root / lost).unlink()
    assert (before, run.state) == ("finished", "unfinished")


def test_a_run_whose_process_died_behind_its_last_line_is_not_finished(swept, tmp_path):
    swept("--seeds=1")
    run = make_plan(tmp_path / "s", POINT, [1], [{}])[0]
    run.folder.lock.write_text(json.dumps({"pid": 1, "host": "here"}))
    assert run.state == "unfinished"


def test_a_failure_is_told_and_the_others_go_on(swept, monkeypatch, capsys):
    own = sweep.run_locally

    def engine(tasks, jobs, done):
        done(tasks[0], 7)
        own(tasks[1:], jobs, done)

    monkeypatch.setattr(sweep, "run_locally", engine)
    assert swept("--seeds=1-2")[0] == 2
    found = capsys.readouterr()
    assert "seed=1 ended with status 7" in found.err and "1 of 2 runs are finished" in found.out


@pytest.mark.parametrize(
    "cores, memory, threads, jobs",
    [(8, 1e12, 1, 5), (8, 1e12, 2, 4), (8, 3.5e9, 1, 3), (2, 1e12, 4, 1), (8, 0, 1, 1)],
)
def test_as_many_runs_go_at_once_as_cores_and_memory_hold(tmp_path, monkeypatch, cores, memory, threads, jobs):
    monkeypatch.setattr(sweep, "usable_cores", lambda: cores)
    monkeypatch.setattr(sweep, "available_memory", lambda: memory)
    plan = make_plan(tmp_path, [*POINT, f"--threads={threads}"], [1, 2, 3, 4, 5], [{}])
    assert sweep._jobs("auto", plan) == jobs
    assert sweep._jobs("7", plan) == 7


def test_runs_beside_each_other_keep_their_threads_and_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "usable_cores", lambda: 8)
    run = make_plan(tmp_path, [*POINT, "--num_envs=8"], [1], [{}])[0]
    words = [sweep._task(run, jobs, tmp_path).words for jobs in (1, 2, 8)]
    assert [[word for word in one if "workers" in word] for one in words] == [[], ["--workers=4"], ["--workers=serial"]]
    assert all("--threads=1" in one for one in words)


@pytest.mark.parametrize(
    "kernels, threads, jobs, words",
    [("x86-64-v3", 0, 5, "--threads=1"), (None, 0, 1, None), ("x86-64-v3", 4, 2, None)],
)
def test_where_no_bit_depends_on_threads_every_core_gets_a_run(tmp_path, monkeypatch, kernels, threads, jobs, words):
    """Negative controls: other kernels, or a number of threads that was asked for."""
    monkeypatch.setattr(sweep, "usable_cores", lambda: 8)
    monkeypatch.setattr(sweep, "default_threads", lambda profile: 8)
    monkeypatch.setattr(sweep, "available_memory", lambda: 1e12)
    monkeypatch.setattr(sweep, "level", lambda: kernels)
    flags = [word for word in POINT if "threads" not in word] + ([f"--threads={threads}"] if threads else [])
    plan = make_plan(tmp_path, flags, [1, 2, 3, 4, 5], [{}])
    assert sweep._jobs("auto", plan) == jobs
    added = [word for word in sweep._task(plan[0], jobs, tmp_path).words if word.startswith("--threads")]
    assert added == ([words] if words else [f"--threads={threads}"] if threads else [])
    # Nodes of a cluster may be other machines: there a run keeps its flags.
    assert sweep._task(plan[0], jobs, tmp_path, local=False).words.count("--threads=1") == 0


def test_runs_at_a_time_share_the_cores_as_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "usable_cores", lambda: 8)
    monkeypatch.setattr(sweep, "default_threads", lambda profile: 8)
    monkeypatch.setattr(sweep, "level", lambda: "x86-64-v3")
    plan = make_plan(tmp_path, [word for word in POINT if "threads" not in word], [1, 2], [{}])
    assert [sweep._task(plan[0], jobs, tmp_path).threads for jobs in (2, 3, 8, 20)] == [4, 2, 1, 1]


def test_memory_is_what_the_container_leaves(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 900 kB\nMemAvailable:     500 kB\n")
    assert available_memory(str(tmp_path)) == 500 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000\n")
    for limit, free in (("max", 500 * 1024), ("5000", 4000), ("900", 0)):
        (group / "memory.max").write_text(f"{limit}\n")
        assert available_memory(str(tmp_path)) == free


def test_the_last_step_is_that_of_the_last_whole_line(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    assert last_step(ledger) == 0
    ledger.write_text('{"ledger": 1}\n{"global_step": 8}\n{"global_step": 16}\n{"global_st')
    assert last_step(ledger) == 16
    ledger.write_bytes(b"\xff\n[]\n")
    assert last_step(ledger) == 0


TASKS = [SweepTask(name, ("train",), Path("/tmp/none"), 2) for name in ("a", "b")]


@pytest.mark.parametrize("package, engine", [("submitit", "slurm"), ("ray", "ray")])
def test_an_engine_that_is_not_installed_says_how_to_install_it(swept, monkeypatch, capsys, package, engine):
    monkeypatch.setitem(sys.modules, package, None)
    assert swept("--seeds=1", f"--engine={engine}") == (2, [])
    assert f"pip install 'sac-determinism[{engine}]'" in capsys.readouterr().err


class FakeRay(types.ModuleType):
    """As much of Ray as is used: tasks end in the reverse order of their start."""

    exceptions = types.SimpleNamespace(RayError=RuntimeError)

    def __init__(self):
        super().__init__("ray")
        self.cores, self.up = [], False

    def init(self, **options):
        self.up, self.given = True, options

    def remote(self, function):
        assert function is sweep_engines.subprocess.call

        def options(num_cpus):
            self.cores.append(num_cpus)
            return types.SimpleNamespace(remote=lambda command: f"task {len(self.cores)}")

        return types.SimpleNamespace(options=options)

    def wait(self, waiting):
        return waiting[-1:], waiting[:-1]

    def get(self, ended):
        return 0

    def shutdown(self):
        self.up = False


def test_ray_runs_every_task_with_the_cores_of_its_threads(monkeypatch):
    ray, ended = FakeRay(), []
    monkeypatch.setitem(sys.modules, "ray", ray)
    run_on_ray(TASKS, {"address": "auto"}, lambda task, status: ended.append((task.name, status)))
    assert ended == [("b", 0), ("a", 0)] and ray.cores == [2, 2] and not ray.up
    assert ray.given["address"] == "auto"


def test_an_unknown_option_of_slurm_is_refused(tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'sac-determinism[slurm]'")
    with pytest.raises(BadConfig, match="submitit refuses it"):
        run_on_slurm(TASKS, tmp_path, {"cluster": "local", "no_such": "1"}, lambda task, status: None)
