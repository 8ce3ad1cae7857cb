"""Videos: frames side by side, one file an evaluation, and a clear word where no renderer is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.envs.maniskill import headless
from sac.rollout.video import find_render_backend, tile


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 5))
def test_every_frame_has_a_place_of_its_own(count, height, width):
    frames = [np.full((height, width, 3), index + 1, np.uint8) for index in range(count)]
    sheet = tile(frames)
    for index in range(count):
        assert (sheet == index + 1).sum() == height * width * 3
    assert sheet.shape[0] // height * (sheet.shape[1] // width) < count + sheet.shape[1] // width


def test_no_renderer_is_said_with_a_remedy(monkeypatch):
    monkeypatch.setattr(headless, "find_renderer_failure", lambda: "failed to find a rendering device")
    backend, message = find_render_backend(TrainConfig(env_id="PushCube-v1"))
    assert backend == "none"
    for word in ("no renderer", "failed to find a rendering device", "--no-capture_video"):
        assert word in message


def test_a_renderer_is_used_where_there_is_one(monkeypatch):
    monkeypatch.setattr(headless, "find_renderer_failure", lambda: None)
    assert find_render_backend(TrainConfig(env_id="PushCube-v1")) in [("cpu", ""), ("gpu", "")]


@pytest.mark.parametrize("changes", [{"capture_video": False}, {"eval_freq": 0}, {"env_id": "Point-v1"}])
def test_nothing_is_said_where_no_video_is_wanted(changes):
    assert find_render_backend(TrainConfig(**{"env_id": "PushCube-v1", **changes})) == ("none", "")
