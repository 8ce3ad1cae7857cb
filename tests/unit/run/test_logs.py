"""What somebody who looks on sees: what takes the first seconds, then how far it is, in env steps."""

import io
import re
from dataclasses import replace

import pytest

from sac.config import TrainConfig
from sac.run.folder import RunFolder
from sac.run.logs import Logs, announce_building

CONFIG = TrainConfig(env_id="Point-v1", num_envs=4, total_timesteps=1_000, tensorboard=False)


class Terminal(io.StringIO):
    """A stream that says that somebody looks on."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that is wide enough; tests put it in the place of the error stream themselves, after pytest has."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def seen(stream):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())


def test_the_bar_names_its_unit_and_its_rate_begins_where_this_process_did(terminal, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with Logs(CONFIG, RunFolder(tmp_path), resumed_at=400) as logs:
        monkeypatch.setattr(type(logs._bar.tasks[0]), "elapsed", 2.0)
        logs.progress(600)
    assert "600/1000 env steps" in seen(terminal) and "100 env steps/s" in seen(terminal)
    assert "it/s" not in seen(terminal)


def test_building_is_told_before_there_is_anything_to_count(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    announce_building(CONFIG)
    assert seen(terminal).startswith("building environments of Point-v1: 4")


def test_who_does_not_look_on_is_not_told(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    announce_building(replace(CONFIG, progress=False))
    monkeypatch.setattr("sys.stderr", io.StringIO())
    announce_building(CONFIG)
    monkeypatch.setattr("sys.stderr", None)
    announce_building(CONFIG)
    assert terminal.getvalue() == ""
