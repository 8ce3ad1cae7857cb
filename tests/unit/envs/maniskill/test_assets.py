"""What is missing is answered with the command that fetches it, wherever in building it is missed."""

from pathlib import Path

import pytest

from sac.envs.errors import BadEnvironment
from sac.envs.factory import make_single_env
from sac.envs.maniskill.assets import telling_of_assets

pytestmark = pytest.mark.maniskill
FETCH = "python -m mani_skill.utils.download_asset"


# Task -> what ManiSkill calls what is missing here. Each is missed at another place: registration, robot, scene, JSON.
@pytest.mark.parametrize(
    "env_id, asset",
    [
        ("TurnFaucet-v1", "partnet_mobility_faucet"),
        ("AnymalC-Reach-v1", "anymal_c"),
        ("OpenCabinetDoor-v1", "partnet_mobility_cabinet"),
        ("ReplicaCADSetTableVal_SceneManipulation-v1", "ReplicaCADRearrange"),
        ("ArchitecTHOR_SceneManipulation-v1", "AI2THOR"),
        ("SceneManipulation-v1", "ReplicaCAD"),
    ],
)
def test_the_command_that_fetches_it_is_named(env_id, asset, monkeypatch):
    monkeypatch.delenv("MS_SKIP_ASSET_DOWNLOAD_PROMPT", raising=False)
    with pytest.raises(BadEnvironment) as told:
        make_single_env(env_id).reset(1, 1)
    assert f"--env_id {env_id!r}" in str(told.value) and f"{FETCH} {asset}" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_belongs_to_nothing_is_named_itself():
    from mani_skill import ASSET_DIR

    path = Path(ASSET_DIR) / "of_my_own" / "a.glb"
    with pytest.raises(BadEnvironment, match=r"of_my_own/a\.glb, which is not there"), telling_of_assets("A-v1"):
        path.read_bytes()


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file", "/nowhere/else"), ValueError("a bug")])
def test_other_errors_are_left_alone(error):
    with pytest.raises(type(error)) as seen, telling_of_assets("A-v1"):
        raise error
    assert seen.value is error


def test_a_package_that_is_missing_is_named():
    needs = pytest.raises(BadEnvironment, match="'A-v1' needs a package that is not installed: svgpathtools")
    with needs, telling_of_assets("A-v1"):
        raise ImportError("svgpathtools not installed. Install with pip install svgpathtools")
