"""`python -m tools.why.memory`: peak memory of a traced script and of `sac why` itself, as events become more."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.why.test_corpus import ROOT
from tests.why.test_harmless import PROGRAMS

SCRIPT = PROGRAMS / "many_events.py"
EVENTS = (20_000, 200_000)
_COMMAND = """
import resource, sys
from sac.cli import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


def peaks(events: int) -> tuple[int, int, int]:
    """Return the peak memory, in MiB, of the script alone, of the traced script, and of `sac why`."""
    script = [sys.executable, str(SCRIPT), str(events)]
    alone = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        why = [sys.executable, "-c", _COMMAND, "why", "--keep", folder, "--", *script]
        done = subprocess.run(why, capture_output=True, text=True, check=True, cwd=ROOT)
        traced = (Path(folder) / "run1.out").read_text()
    script_alone, script_traced, command = (int(text.split()[-1]) // 1024 for text in (alone, traced, done.stdout))
    return script_alone, script_traced, command


def main() -> None:
    """Print the table."""
    print("| events | script alone | traced script | `sac why` |")
    print("|---|---|---|---|")
    for events in EVENTS:
        alone, traced, command = peaks(events)
        print(f"| {events:,} | {alone} MiB | {traced} MiB | {command} MiB |", flush=True)


if __name__ == "__main__":
    main()
