"""What a checkpoint forgets, and damage that nobody notices."""

from tools.mutants.mutant import Mutant, Room

FILE = "sac/checkpoint/checkpoint.py"
ROWS = "sac/checkpoint/replay_log.py"
RESUME = "sac/checkpoint/resume.py"

ROOM = Room(
    "checkpoint",
    ("tests/unit/checkpoint", "tests/unit/test_state.py", "tests/unit/test_plain_run.py"),
    (
        Mutant(
            "arrays not restored",
            "sac/state.py",
            "        held[...] = value\n",
            "        held[...] = held\n",
            "the episodes' numbers are lost in a checkpoint",
        ),
        Mutant(
            "sums since the last log lost",
            "sac/training.py",
            "        journal = checkpoint.fill(self.state)\n",
            "        journal = checkpoint.fill(self.state)\n"
            "        self.state.collector.since_log.sums.zero_()\n"
            "        self.state.collector.since_log.count = 0\n",
            "training metrics of a resumed run leave out episodes from before it",
        ),
        Mutant(
            "sums are no state",
            "sac/state.py",
            "    since_log: EpisodeSums\n",
            '    since_log: EpisodeSums = dataclasses.field(metadata={"derived": True})\n',
            "the walk leaves out a part of the state",
        ),
        Mutant(
            "moments are no state",
            "sac/state.py",
            "    exp_avg_sq: torch.Tensor\n",
            '    exp_avg_sq: torch.Tensor = dataclasses.field(metadata={"derived": True})\n',
            "the walk leaves out a part of the state",
        ),
        Mutant(
            "tensors not verified",
            FILE,
            "if hashlib.sha256(data).hexdigest() != index.tensor_sha256:",
            'if hashlib.sha256(data).hexdigest() == "":',
            "a damaged checkpoint is resumed from",
        ),
        Mutant(
            "rows not verified",
            ROWS,
            "        number += len(rows)\n    if checksum.hexdigest() != segment.sha256:",
            "        number += len(rows)\n    if checksum is None:",
            "damaged replay rows are resumed from",
            more=(
                (
                    "        checksum.update(data)\n    if checksum.hexdigest() != segment.sha256:",
                    "        checksum.update(data)\n    if checksum is None:",
                ),
            ),
        ),
        Mutant(
            "rows one slot off",
            ROWS,
            "        slot = start % capacity\n",
            "        slot = (start + 1) % capacity\n",
            "replay rows come back at other places",
        ),
        Mutant(
            "one segment too many removed",
            ROWS,
            "int(number.group(1)) < keep_from",
            "int(number.group(1)) <= keep_from",
            "rows are removed that a checkpoint needs",
        ),
        Mutant(
            "cadence off by one",
            FILE,
            "return iteration % self._iterations == 0",
            "return (iteration + 1) % self._iterations == 0",
            "checkpoints are written at other iterations than asked for",
        ),
        Mutant(
            "simulators begin anew",
            "sac/training.py",
            "        self.collector.restore_simulators()\n",
            "",
            "a resumed run's environments are not in mid-episode",
        ),
        Mutant(
            "ledger not cut",
            RESUME,
            "    data = _cut(path, length + body)\n",
            "    data = path.read_bytes()\n",
            "lines from after the checkpoint stay in a resumed run's ledger",
            tests=("tests/unit/checkpoint", "tests/unit/test_plain_run.py"),
        ),
        Mutant(
            "metrics not cut",
            RESUME,
            "    _cut(folder.metrics, checkpoint.index.metrics_bytes)\n",
            "",
            "rows from after the checkpoint stay in a resumed run's metrics",
            tests=("tests/unit/checkpoint", "tests/unit/test_plain_run.py"),
        ),
        Mutant(
            "the seed may change",
            RESUME,
            'LAYOUT_FIELDS - {"run_dir"} | {"imports"}',
            'LAYOUT_FIELDS - {"run_dir"} | {"imports", "seed"}',
            "a run goes on with another seed",
            tests=("tests/unit/checkpoint", "tests/determinism/test_resume.py"),
        ),
        Mutant(
            "drift is allowed",
            RESUME,
            "if drift and not resume.allow_drift:",
            "if drift and resume.allow_drift is None:",
            "a run goes on under another arithmetic in silence",
            tests=("tests/unit/checkpoint", "tests/determinism/test_resume.py"),
        ),
        Mutant(
            "any bits will do",
            "sac/rollout/collector.py",
            "same = found.view(torch.int32) == state.observation.view(torch.int32)",
            "same = (found - state.observation).abs() < 1",
            "a simulator that does not come back is not noticed",
            tests=("tests/unit/rollout/test_collector.py",),
        ),
    ),
)
