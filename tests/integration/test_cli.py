"""The command in processes of its own: what it loads, and what becomes of its output."""

import shlex
import subprocess
import sys

from sac.ledger.file import LedgerWriter
from sac.processes import sac_command

# The command line must not load what a numerics profile has to come before.
LOADED = (
    "import sys; import sac.cli; from sac.commands.train import parse_train; parse_train([]); "
    "print({'torch', 'numpy'} & set(sys.modules))"
)


def test_the_command_line_loads_neither_torch_nor_numpy():
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "set()"


def test_help_and_completion_wait_for_no_library():
    """Torch and SciPy's statistics take seconds to import, and neither helps to parse a command line."""
    program = "import sys; import sac.completion, sac.commands.sweep; print({'torch', 'scipy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "set()"


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "sac", "trian"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2 and done.stderr.startswith("sac: no command 'trian'")


def test_a_reader_that_goes_away_is_no_divergence(tmp_path):
    """`sac diff A B | head -c0` must not end with 1, which means diverged."""
    for name in "ab":
        with LedgerWriter(tmp_path / name, {"config": {"env_id": "Point-v1"}}) as ledger:
            ledger.write(0, 0, {"env.seed": "0" * 16})
    command = " ".join(shlex.quote(word) for word in sac_command(["diff", str(tmp_path / "a"), str(tmp_path / "b")]))
    script = f"set -o pipefail; ({command}; echo $? >{shlex.quote(str(tmp_path / 'status'))}) | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert (tmp_path / "status").read_text().strip() in ("0", "141")


def test_training_needs_no_standard_error(tmp_path):
    flags = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
    flags += f" --total_timesteps=16 --eval_freq=8 --threads=1 --run_dir={tmp_path}/run"
    command = " ".join(shlex.quote(word) for word in sac_command(["train", *flags.split()]))
    assert subprocess.run(["bash", "-c", f"{command} 2>&-"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert (tmp_path / "run" / "policy.pt").exists()
