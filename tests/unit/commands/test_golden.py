"""A golden decides: it is never rewritten unasked, nor passed over in silence where it does not apply."""

import json
import tempfile
from pathlib import Path

import pytest

from sac.commands import golden as command
from sac.commands.golden import DEFAULT_FOLDER, check_golden, golden_command
from sac.ledger.file import read_ledger
from sac.numerics.machine import FIXED_ORDER, LIBRARIES
from sac.numerics.probe import _OPERATIONS
from sac.processes import Children
from sac.untrusted.seal import sealed

PATH = DEFAULT_FOLDER / "point.jsonl"
MADE_BY_OTHERS = {"simulator.contacts", "cpu.rcpps", "cpu.rsqrtps"}
"""Entries of the probe that are no torch or NumPy operation."""


def with_digest(text, digest="0" * 16, channel="param.actor"):
    """A ledger's text with the last line's digest of a channel changed."""
    *rows, last = text.splitlines()
    line = json.loads(last)
    line["digests"][channel] = digest
    return "\n".join([*rows, json.dumps(line)]) + "\n"


def with_fingerprint(text, **changes):
    first, rest = text.split("\n", 1)
    header = json.loads(first)
    header["fingerprint"].update(changes)
    return json.dumps(sealed(header)) + "\n" + rest


def probe_of(text):
    return json.loads(text.split("\n", 1)[0])["fingerprint"]["probe"]


class Trained:
    """Stands for the process that trains: each run leaves the next of these ledgers."""

    def __init__(self, *texts):
        self.texts, self.runs = list(texts), 0

    def __call__(self, flags, folder, *others, **options):
        self.runs += 1
        text = self.texts.pop(0)
        if text is None:
            return 1
        Path(folder).mkdir()
        (Path(folder) / "ledger.jsonl").write_text(text)
        return 0


@pytest.fixture
def outcome(tmp_path, monkeypatch):
    """Checks the golden of the point task against what runs leave, the first run's ledger first."""
    monkeypatch.delenv("CI", raising=False)

    def check(*texts, golden=None, strict=False):
        trained, folder = Trained(*texts), Path(tempfile.mkdtemp(dir=tmp_path))
        monkeypatch.setattr(command, "run_training", trained)
        assert trained([], folder / "fresh") == 0
        (folder / "golden.jsonl").write_text(golden or PATH.read_text())
        ledgers = read_ledger(folder / "golden.jsonl"), read_ledger(folder / "fresh")
        with Children() as children:
            found = check_golden("point", "", *ledgers, folder, children, strict=strict)
        assert not trained.texts, "a run that was expected never ran"
        return found, trained.runs

    return check


def test_a_golden_that_fails_is_left_as_it_is(tmp_path, monkeypatch, capsys):
    """Were it rewritten where it fails, it would hold the next time."""
    text = PATH.read_text()
    stored = tmp_path / "point.jsonl"
    stored.write_text(text)
    for _ in range(2):
        monkeypatch.setattr(command, "run_training", Trained(with_digest(text)))
        assert golden_command(["point", "--dir", str(tmp_path)]) == 1
        assert "DIFFERS from the golden" in capsys.readouterr().out
        assert stored.read_text() == text


def test_a_golden_that_holds_is_left_as_it_is(tmp_path, monkeypatch):
    text = PATH.read_text()
    (tmp_path / "point.jsonl").write_text(text)
    monkeypatch.setattr(command, "run_training", Trained(text))
    assert golden_command(["point", "--dir", str(tmp_path)]) == 0
    assert (tmp_path / "point.jsonl").read_text() == text


def test_with_the_same_fingerprint_no_twin_saves_a_run_that_differs(outcome):
    found, runs = outcome(with_digest(PATH.read_text()))
    assert (found.passed, runs) == (False, 1)


def test_other_libraries_are_no_licence_the_twins_must_be_equal(outcome):
    other = with_fingerprint(with_digest(PATH.read_text()), torch="0.0.1")
    found, runs = outcome(other, other)
    assert (found.passed, runs) == (True, 2)
    assert "no golden applies here" in found.text and "torch: " in found.text


@pytest.mark.parametrize("channel", ["param.actor", "rollout.obs", None])
def test_twins_that_differ_or_fail_are_a_failure_under_another_fingerprint(outcome, channel):
    differing = with_digest(PATH.read_text(), "1" * 16, channel) if channel else None
    twin = with_fingerprint(differing, torch="0.0.1") if differing else None
    found, runs = outcome(with_fingerprint(with_digest(PATH.read_text()), torch="0.0.1"), twin)
    assert (found.passed, runs) == (False, 2)
    assert ("two fresh runs differ" if twin else "a second run failed") in found.text


def test_under_strict_nothing_stands_for_the_golden(outcome):
    found, runs = outcome(with_fingerprint(with_digest(PATH.read_text()), torch="0.0.1"), strict=True)
    assert (found.passed, runs) == (False, 1)


@pytest.mark.parametrize("change", ["products", "an operation more", "an operation less"])
def test_a_golden_that_went_stale_by_itself_fails(outcome, change):
    """Where only what this program writes into a fingerprint has changed, machine and libraries are no excuse."""
    text = with_digest(PATH.read_text())
    probe = probe_of(text)
    less = {name: digest for name, digest in probe.items() if name != "mm"}
    changes = {"products": {"products": "another"}, "an operation less": {"probe": less}}
    changes["an operation more"] = {"probe": {**probe, "new": "0" * 16}}
    found, runs = outcome(with_fingerprint(text, **changes[change]))
    assert (found.passed, runs) == (False, 1)
    assert "no golden applies" in found.text and "sac golden point --update" in found.text


def test_in_continuous_integration_the_same_libraries_must_compute_the_same(outcome, monkeypatch):
    text = with_digest(PATH.read_text())
    other = with_fingerprint(text, probe={**probe_of(text), "mm": "0" * 16})
    assert outcome(other, other)[0].passed
    monkeypatch.setenv("CI", "true")
    found, runs = outcome(other)
    assert (found.passed, runs) == (False, 1)
    assert "no golden applies" in found.text


def test_a_golden_lacking_what_a_run_records_is_refused(outcome):
    text = PATH.read_text()
    found, _ = outcome(text, golden="\n".join(text.splitlines()[:-1]) + "\n")
    assert not found.passed and "does not record the same" in found.text


def test_fingerprints_name_what_the_committed_goldens_name():
    """A name that changes makes every golden inapplicable: make them anew with it."""
    for path in sorted(DEFAULT_FOLDER.glob("*.jsonl")):
        fingerprint = read_ledger(path).header["fingerprint"]
        assert fingerprint["products"] == FIXED_ORDER
        assert fingerprint["probe"].keys() - MADE_BY_OTHERS == {*_OPERATIONS, "kernels"}
        names = {"profile", *LIBRARIES, "python", "cpu", "capability", "mkl_cbwr", "threads", "device"}
        assert fingerprint.keys() == names | {"products", "probe"}
