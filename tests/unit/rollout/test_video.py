"""Videos: frames side by side, one file an evaluation, and a clear word where no renderer is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.envs.maniskill import headless
from sac.rollout.video import VideoRecorder, find_render_backend, tile


class Painted:
    """Stands in for an environment that can be filmed: each frame is one flat colour, darker by the frame."""

    def __init__(self, colour: int) -> None:
        self.colour = colour

    def render(self) -> np.ndarray:
        self.colour -= 1
        return np.full((16, 32, 3), self.colour, np.uint8)


class Members:
    def __init__(self, count: int) -> None:
        self.members = tuple(Painted(200 - 10 * index) for index in range(count))


@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 5))
def test_every_frame_has_a_place_of_its_own(count, height, width):
    frames = [np.full((height, width, 3), index + 1, np.uint8) for index in range(count)]
    sheet = tile(frames)
    for index in range(count):
        assert (sheet == index + 1).sum() == height * width * 3
    assert sheet.shape[0] // height * (sheet.shape[1] // width) < count + sheet.shape[1] // width


def test_each_evaluation_becomes_a_file_that_plays(tmp_path):
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="videos are read back with imageio-ffmpeg")
    recorder = VideoRecorder(Members(3), tmp_path / "videos")
    for step, frames in ((0, 4), (64, 7)):
        for _ in range(frames):
            recorder.watch()
        path = recorder.save(step)
        assert path == tmp_path / "videos" / f"step_{step}.mp4"
        reader = imageio_ffmpeg.read_frames(str(path))
        meta = next(reader)
        assert meta["size"] == (64, 32)
        assert len(list(reader)) == frames


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
