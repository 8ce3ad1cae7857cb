"""A ledger whose writer is killed."""

import os
import signal
import subprocess
import sys

from sac.ledger.file import read_ledger


def test_lines_outlive_a_killed_writer(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from sac.ledger.file import LedgerWriter\n"
        "ledger = LedgerWriter(sys.argv[1], {})\n"
        "for k in range(5):\n"
        "    ledger.write(k, k, {}, {'x': 0.5})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["."])}
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "l"], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [line.iteration for line in read_ledger(tmp_path / "l").lines] == list(range(5))
