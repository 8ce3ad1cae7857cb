"""Triton's product of a fixed order has the bits of the CPU's kernels."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed: pip install triton")
def test_tritons_kernel_has_the_bits_of_the_cpu_s():
    done = subprocess.run(
        [sys.executable, "-m", "tools.gpu.fixed_order"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
