"""What the simulator reaches is counted for all processes that share a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from sac.native import exact_reciprocals

COUNTED = """
import json, sys
from pathlib import Path
from sac.native import exact_reciprocals as e
from sac.envs.maniskill import physics_probe
e.install(True)
physics_probe.import_simulator()
before = e.read_counts(Path(sys.argv[1]))
physics_probe._fall()
after = e.read_counts(Path(sys.argv[1]))
physics_probe.probe_physics()
print(json.dumps([sum(before), sum(after), sum(e.read_counts(Path(sys.argv[1])))]))
"""


def test_what_is_reached_is_counted_in_a_file_for_all_processes_and_the_probe_is_not(tmp_path):
    counts = tmp_path / "counts"
    environment = {**os.environ, exact_reciprocals.COUNTS: str(counts)}
    found = []
    for _ in range(2):
        command = [sys.executable, "-c", COUNTED, str(counts)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    (nothing, once, still), (before, twice, _) = found
    assert (nothing, still, before) == (0, once, once)
    assert once > 0 and twice == 2 * once
