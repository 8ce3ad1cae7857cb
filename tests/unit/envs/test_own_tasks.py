"""Tasks of somebody's own are found where they are registered, and what can't be found is told in one line."""

import sys

import pytest

from sac.config import TrainConfig
from sac.envs import own_tasks
from sac.envs.errors import BadEnvironment
from sac.envs.maniskill.env import choose_reward, find_task
from sac.envs.own_tasks import import_tasks, is_point, registered_name, with_origin


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A working directory with modules in it; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_counted.py").write_text("import sys\nsys.own_imports = getattr(sys, 'own_imports', 0) + 1\n")
    (tmp_path / "own_broken.py").write_text("x = 1\n1 / 0\n")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("own_", "sac_task_file_"))]:
        del sys.modules[name]
    vars(sys).pop("own_imports", None)


# Flags -> what the message must hold.
REFUSED = {
    ("MyPush-v1", ("nowhere.tasks",)): ["--import nowhere.tasks", "working directory"],
    ("MyPush-v1", ("nowhere.py",)): ["--import nowhere.py", "there is no file"],
    ("own_broken:MyPush-v1", ()): ["--env_id own_broken:MyPush-v1", "ZeroDivisionError", "own_broken.py:2"],
    ("own_counted:MyPull-v1", ()): ["importing own_counted registers no task 'MyPull-v1'"],
    ("Pendulum-v1", ()): ["'Pendulum-v1' is not a ManiSkill task", "gymnasium"],
    ("MyPush-v9", ()): ["'MyPush-v9' is not known", "--import MODULE"],
}


@pytest.mark.maniskill
@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_task_that_cannot_be_found_is_told(project, case):
    with pytest.raises(BadEnvironment) as told:
        find_task(*case)
    assert [word for word in REFUSED[case] if word not in str(told.value)] == []
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["own_counted", "own_counted.py"])
def test_a_module_is_imported_once(project, name):
    for _ in range(2):
        import_tasks("MyPush-v1", [name])
    assert sys.own_imports == 1


def test_the_working_directory_is_looked_in_last(project):
    (project / "json.py").write_text("raise RuntimeError('shadowed')")
    import_tasks("own_counted:MyPush-v1", ["json"])
    assert sys.path[0] != str(project) and sys.path[-1] == str(project)


def test_a_module_cannot_change_the_settings_of_the_numerics_profile(project):
    import torch

    (project / "own_careless.py").write_text(
        "import torch\ntorch.set_num_threads(3)\ntorch.set_default_dtype(torch.float64)\n"
        "torch.set_deterministic_debug_mode('warn')\n"
    )
    before = torch.get_num_threads(), torch.get_default_dtype(), torch.get_deterministic_debug_mode()
    import_tasks("own_careless:MyPush-v1", ())
    assert (torch.get_num_threads(), torch.get_default_dtype(), torch.get_deterministic_debug_mode()) == before


def test_a_script_that_trains_when_it_is_imported_is_refused(project):
    (project / "own_script.py").write_text("from sac.envs import own_tasks\nown_tasks.require_no_import()\n")
    with pytest.raises(BadEnvironment, match=r"own_script.py trains when it is imported.*__main__"):
        import_tasks("MyPush-v1", ["own_script.py"])
    own_tasks.require_no_import()


@pytest.mark.maniskill
def test_what_a_module_registered_in_this_process_is_named_for_others(project):
    from mani_skill.utils.registration import REGISTERED_ENVS

    find_task("PushCube-v1")
    (project / "own_registering.py").write_text(
        "from mani_skill.envs.tasks import PushCubeEnv\nfrom mani_skill.utils.registration import register_env\n"
        "@register_env('OwnRegistered-v1', max_episode_steps=20)\nclass Own(PushCubeEnv):\n    pass\n"
    )
    try:
        find_task("OwnRegistered-v1", ("own_registering",))
        assert with_origin(TrainConfig(env_id="OwnRegistered-v1"), 2).imports == ("own_registering",)
        # As a notebook's cell would have registered it.
        monkey = REGISTERED_ENVS["OwnRegistered-v1"].cls
        monkey.__module__ = "__main__"
        sys.modules["__main__"], main = type(sys)("__main__"), sys.modules["__main__"]
        try:
            with pytest.raises(BadEnvironment, match=r"interactive session.*workers='serial'"):
                with_origin(TrainConfig(env_id="OwnRegistered-v1"), 2)
            assert with_origin(TrainConfig(env_id="OwnRegistered-v1"), 0).imports == ()
        finally:
            sys.modules["__main__"] = main
    finally:
        REGISTERED_ENVS.pop("OwnRegistered-v1", None)
    assert with_origin(TrainConfig(env_id="PushCube-v1"), 2).imports == ()


def test_names():
    assert registered_name("a.b:C-v1") == registered_name("C-v1") == "C-v1"
    assert [is_point(name) for name in ("Point-v1", "point-v9", "PointMass-v1", "points.tasks:A-v1")] == [
        *(True, True),
        *(False, False),
    ]


class _Task:
    def __init__(self, *modes):
        self.SUPPORTED_REWARD_MODES = modes


def test_the_reward_is_the_one_asked_for_else_the_dense_one_else_the_tasks_first():
    both = _Task("sparse", "dense", "normalized_dense", "none")
    assert choose_reward("A-v1", both, None) == "normalized_dense"
    assert choose_reward("A-v1", both, "sparse") == "sparse"
    # As ManiSkill has them in PlugCharger-v1, whose default of no reward teaches nothing.
    assert choose_reward("A-v1", _Task("none", "sparse"), None) == "sparse"
    with pytest.raises(BadEnvironment, match="--reward_mode 'dense': A-v1 has sparse"):
        choose_reward("A-v1", _Task("none", "sparse"), "dense")
    with pytest.raises(BadEnvironment, match="'A-v1' gives no reward"):
        choose_reward("A-v1", _Task("none"), None)
