"""The machine that a GPU's figures belong to: `python -m tools.gpu.machine` prints it as one JSON object.

It runs in a process of its own: a process that has asked CUDA anything holds memory on the device until it ends.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from sac.numerics.machine import cpu_model, usable_cores, version_of
from sac.run.folder import git_revision

DRIVER = Path("/proc/driver/nvidia/version")


def machine() -> dict[str, Any]:
    """Why no GPU can be used (empty: it can), and what to print above the figures."""
    import torch

    trouble = device_trouble()
    name = "" if trouble else f"{torch.cuda.get_device_name()} ({torch.cuda.device_count()} of them)"
    facts = {
        "GPU": name.replace(" (1 of them)", ""),
        "driver": driver(),
        "CUDA": str(torch.version.cuda),
        "torch": str(torch.__version__),
        "triton": version_of("triton"),
        "mani_skill": version_of("mani_skill"),
        "Python": platform.python_version(),
        "CPU": cpu_model(),
        "cores": usable_cores(),
        "revision": git_revision() or "unknown",
    }
    return {"trouble": trouble, "facts": facts}


def device_trouble() -> str:
    """What torch says where it can't compute on a CUDA device; empty where it can."""
    import torch

    if not torch.cuda.is_available():
        reason = "is built without CUDA" if torch.version.cuda is None else "finds no device that it can use"
        return f"torch.cuda.is_available() is False: torch {torch.__version__} {reason}"
    try:
        # A device that is there can still be too old for this build, full, or in another's exclusive use.
        torch.ones(2, device="cuda").sum().item()
    except RuntimeError as error:
        return f"torch.cuda.is_available() is True, but a sum on it fails: {str(error).splitlines()[0]}"
    return ""


def driver() -> str:
    """Version of the kernel's driver."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.split()[0]
    except (OSError, IndexError, subprocess.SubprocessError):
        return driver_in(DRIVER.read_text()) if DRIVER.exists() else "unknown"


def driver_in(text: str) -> str:
    """The version in what the driver tells under /proc."""
    found = re.search(r"\s(\d+\.\d+(\.\d+)?)\s", text)
    return found[1] if found else "unknown"


if __name__ == "__main__":
    json.dump(machine(), sys.stdout)
