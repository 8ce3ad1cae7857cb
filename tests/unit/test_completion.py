"""What a shell may complete is what the commands take."""

from __future__ import annotations

import argparse
import dataclasses

import pytest

from sac.cli import _COMMANDS
from sac.completion import program_parser
from sac.config import TrainConfig


@pytest.fixture(scope="module")
def commands() -> dict[str, argparse.ArgumentParser]:
    """Name -> parser of each command."""
    parser = program_parser({name: "something" for name in _COMMANDS})
    (places,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(places.choices)


def options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {word: action for action in parser._actions for word in action.option_strings}


def test_every_command_is_completed(commands):
    assert commands.keys() == _COMMANDS.keys()


@pytest.mark.parametrize("command", ["train", "twin"])
def test_every_flag_of_a_training_is_completed_and_described(commands, command):
    found = options(commands[command])
    for field in dataclasses.fields(TrainConfig):
        flag = "--import" if field.name == "imports" else f"--{field.name}"
        assert found[flag].help, flag
        assert (f"--no-{field.name}" in found) == isinstance(field.default, bool)
    assert ("--resume" in found) == (command == "train")
    assert found["--numerics"].choices == ["fast", "deterministic", "portable"]
    assert ("--vary" in found) == (command == "twin")


def test_files_and_folders_are_completed_where_they_are_meant(commands):
    assert options(commands["train"])["--run_dir"].complete["bash"] == "_shtab_compgen_dirs"
    assert options(commands["gate"])["--markdown"].complete["bash"] == "_shtab_compgen_files"
    assert not hasattr(options(commands["train"])["--seed"], "complete")
