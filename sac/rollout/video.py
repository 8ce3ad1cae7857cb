"""Videos of evaluations, where a renderer exists."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch

from sac.config import TrainConfig
from sac.envs.own_tasks import is_point
from sac.envs.protocol import VectorEnv
from sac.envs.serial import SerialVectorEnv

FRAMES_A_SECOND = 30
MOST_TILES = 16


def find_render_backend(config: TrainConfig) -> tuple[str, str]:
    """Find the render back end for the evaluation environments, or the reason why there is none.

    Returns:
        (back end, ``""``); or (``none``, what to tell the user) if videos are not wanted or no renderer exists.
    """
    if not config.capture_video or config.eval_freq == 0 or is_point(config.env_id):
        return "none", ""
    if config.sim_backend == "physx_cuda":
        return "none", "no videos: evaluations on --sim_backend physx_cuda are not filmed"
    headless = importlib.import_module("sac.envs.maniskill.headless")
    headless.import_or_explain("sapien")
    failure = headless.find_renderer_failure()
    if failure is not None:
        advice = "install a Vulkan driver for videos (`sac doctor`), or say --no-capture_video"
        return "none", f"no videos: no renderer was found ({failure}); {advice}"
    return ("gpu" if torch.cuda.is_available() else "cpu"), ""


class Film(Protocol):
    """Anything that can be filmed."""

    def render(self) -> np.ndarray:
        """Return the current frame (H, W, 3) uint8."""
        ...


class VideoRecorder:
    """Films the environments of a `SerialVectorEnv`, side by side.

    Args:
        envs: environments whose members can `render`.
        folder: where videos go.
    """

    def __init__(self, envs: VectorEnv, folder: Path) -> None:
        self._members = [cast("Film", member) for member in cast("SerialVectorEnv", envs).members[:MOST_TILES]]
        self._folder = folder
        self._frames: list[np.ndarray] = []

    def watch(self) -> None:
        """Take one frame."""
        self._frames.append(tile([member.render() for member in self._members]))

    def save(self, step: int) -> Path:
        """Write the frames so far as `step_<step>.mp4`, and start the next video."""
        # The run folder is there: one that has gone must not be made again.
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"step_{step}.mp4"
        imageio = importlib.import_module("imageio")
        imageio.mimwrite(path, self._frames, fps=FRAMES_A_SECOND, macro_block_size=1)
        self._frames = []
        return path


def tile(frames: list[np.ndarray]) -> np.ndarray:
    """Tile N frames (H, W, 3) uint8 into one (rows * H, columns * W, 3), nearly square, with empty places black."""
    columns = math.ceil(math.sqrt(len(frames)))
    rows = -(-len(frames) // columns)
    height, width, depth = frames[0].shape
    sheet = np.zeros((rows * height, columns * width, depth), np.uint8)
    for index, frame in enumerate(frames):
        row, column = divmod(index, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = frame
    return sheet
