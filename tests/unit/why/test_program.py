"""What is executed for a command, and how the tracer gets into it."""

from __future__ import annotations

import os
import sys

import pytest

from sac.why.program import CantRun, assigned, program_of, put_shims, with_tracer


@pytest.mark.parametrize(
    "command, variables, rest",
    [
        (["env", "A=1", "B=x=y", "python", "train.py"], {"A": "1", "B": "x=y"}, ["python", "train.py"]),
        (["PYTHONPATH=src", "python", "-m", "lab"], {"PYTHONPATH": "src"}, ["python", "-m", "lab"]),
        (["python", "train.py", "lr=0.1"], {}, ["python", "train.py", "lr=0.1"]),
        (["env", "-u", "A", "python"], {}, ["env", "-u", "A", "python"]),
        (["env", "A=1", "-i", "python"], {}, ["env", "A=1", "-i", "python"]),
        (["env", "A=1"], {}, ["env", "A=1"]),
        ([], {}, []),
    ],
)
def test_what_a_command_sets_for_itself_is_split_off(command, variables, rest):
    assert assigned(command) == (variables, rest)


def test_a_folder_with_a_main_is_executed_as_it_is(tmp_path):
    (tmp_path / "__main__.py").touch()
    program = program_of([sys.executable, "-O", str(tmp_path), "--seed=1"])
    assert (program.words[1:], program.how) == (["-O", str(tmp_path), "--seed=1"], "inject")
    assert program.folder == tmp_path


def test_a_folder_without_a_main_is_refused_by_name(tmp_path):
    with pytest.raises(CantRun, match=r"it holds no __main__\.py"):
        program_of([sys.executable, str(tmp_path)])


def test_the_tracer_comes_before_what_the_command_puts_on_its_path():
    first, second = with_tracer({"PYTHONPATH": "src"})["PYTHONPATH"].split(os.pathsep)
    assert (os.path.basename(first), second) == ("inject", "src")


def test_stand_ins_hide_only_interpreters_that_are_there(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").touch(mode=0o755)
    path = put_shims(tmp_path / "bin", str(programs))
    assert path.split(os.pathsep) == [str(tmp_path / "bin"), str(programs)]
    assert [shim.name for shim in (tmp_path / "bin").iterdir()] == ["python3"]
    assert str(programs / "python3") in (tmp_path / "bin" / "python3").read_text()
