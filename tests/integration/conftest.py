"""What integration tests share: what they start can be interrupted, and the files that take longest begin first."""

import signal
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST = (
    *("commands/test_sweep", "bench/test_rounds", "test_own_tasks", "test_examples", "envs/workers/test_pool"),
    *("test_gate_action", "test_api", "commands/test_twin", "tools/test_gpu", "envs/maniskill/test_patches"),
    *("envs/maniskill/test_env", "test_standard_streams", "test_stopping", "tools/test_portability"),
)
"""Files that take 8 s or more of two cores, the longest first: one that began last would leave a core idle."""

# Whoever started the tests in the background had Ctrl-C ignored, and that is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the longest files to the front where files are handed out to several processes."""
    if hasattr(config, "workerinput"):
        places = {HERE / f"{name}.py": place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path, len(places)))
