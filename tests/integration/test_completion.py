"""The scripts of `sac completion` do complete, in the shells that are here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sac.processes import sac_command

# Sets what bash sets when the tab key is pressed behind the words, and prints what the script offers.
PRESS_TAB = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_shtab_sac
echo "${COMPREPLY[*]}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(sac_command(["completion", shell]), capture_output=True, text=True, check=True)
        (folder / shell).write_text(done.stdout)
    return folder


@pytest.mark.parametrize(
    "words, offered",
    [
        (["tr"], "train trace"),
        (["train", "--num_ev"], "--num_eval_envs --num_eval_steps"),
        (["train", "--numerics", ""], "fast deterministic portable"),
        (["twin", "--require", "u"], "update"),
        (["bench", ""], "compare calibrate"),
        (["diff", "mine"], "mine.folder"),
        (["gate", "--", "mine"], "mine.folder"),
        (["seed"], ""),
    ],
)
def test_bash_completes_commands_flags_values_and_files(scripts, tmp_path, words, offered):
    (tmp_path / "mine.folder").mkdir()
    command = ["bash", "-c", PRESS_TAB, "bash", str(scripts / "bash"), "sac", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered.split()


def test_zsh_can_read_its_script(scripts):
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh here")
    assert subprocess.run(["zsh", "-n", str(scripts / "zsh")], check=False).returncode == 0


def test_fish_completes_commands_and_values(scripts):
    if not shutil.which("fish"):
        pytest.skip("there is no fish here")
    command = [
        "fish",
        "--no-config",
        "-c",
        'source $argv[1]; complete -C "sac train --numerics d"',
        str(scripts / "fish"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\t")[0] == "deterministic"
