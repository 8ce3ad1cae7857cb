"""Twins of the point task that take a second, and where they leave what they leave."""

import tempfile

import pytest

POINT = ["--env_id=Point-v1", "--num_envs=1", "--training_freq=8", "--batch_size=8", "--buffer_size=100"]
POINT += ["--learning_starts=8", "--total_timesteps=24", "--eval_freq=0", "--threads=1"]


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders go, so that what a test leaves there can be seen, and goes with it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
