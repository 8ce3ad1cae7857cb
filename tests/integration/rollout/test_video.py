"""Videos of stand-in frames are written and read back."""

from __future__ import annotations

import numpy as np
import pytest

from sac.rollout.video import VideoRecorder


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
