"""Success and the clock at each evaluation: continued where a run is resumed, and never compared."""

import csv

import pytest

from sac.run.folder import RunFolder
from sac.run.history_files import HistoryFiles
from sac.run.metrics_file import MetricsFile
from sac.state import EpisodeSums


class Clock:
    """Seconds that a test sets."""

    now = 1000.0

    def __call__(self):
        return self.now


def evaluate(folder, results, *, append=False, clock=None):
    """What a run leaves that finds `results`, step -> success, ten seconds apart."""
    clock = clock or Clock()
    with (
        MetricsFile(folder.metrics, append=append) as metrics,
        HistoryFiles(folder, append=append, clock=clock) as file,
    ):
        for step, success in results.items():
            clock.now += 10
            means = {"success_once": success, "success_at_end": 0.0, "return": 0.0}
            metrics.write(step, means, 16, EpisodeSums.zeros(7), {"qf_loss": 0.5} if step else {})
            file.write(step, success)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_each_evaluation_has_its_success_and_its_time(tmp_path):
    evaluate(RunFolder(tmp_path), {0: 0.0, 64: 0.25})
    assert rows(tmp_path / "success_history.csv") == [["step", "success"], ["0", "0.0"], ["64", "0.25"]]
    assert rows(tmp_path / "times.csv") == [["step", "seconds"], ["0", "10.000"], ["64", "20.000"]]


def test_losses_stand_beside_the_results_and_are_empty_before_the_first_gradient_step(tmp_path):
    evaluate(RunFolder(tmp_path), {0: 0.0, 64: 0.25})
    header, first, second = rows(tmp_path / "metrics.csv")
    assert header[-5:-1] == list(MetricsFile.LOSSES)
    assert (first[-5:-1], second[-5:-1]) == (["", "", "", ""], ["0.5", "", "", ""])


def test_a_resumed_run_forgets_what_its_metrics_no_longer_hold(tmp_path):
    folder = RunFolder(tmp_path)
    evaluate(folder, {0: 0.0, 64: 0.25, 128: 0.5})
    text = folder.metrics.read_text().splitlines(keepends=True)
    folder.metrics.write_text("".join(text[:-1]), newline="")
    folder.times.write_text(folder.times.read_text() + "192,3", newline="")
    evaluate(folder, {128: 0.75}, append=True)
    assert rows(folder.success_history) == [["step", "success"], ["0", "0.0"], ["64", "0.25"], ["128", "0.75"]]
    assert [row[1] for row in rows(folder.times)[1:]] == ["10.000", "20.000", "30.000"]


@pytest.mark.parametrize("lost", ["success_history.csv", "times.csv"])
def test_a_lost_history_does_not_hinder_a_resumed_run(tmp_path, lost):
    folder = RunFolder(tmp_path)
    evaluate(folder, {0: 0.0})
    (tmp_path / lost).unlink()
    evaluate(folder, {64: 1.0}, append=True)
    assert rows(folder.success_history) == [["step", "success"], ["0", "0.0"], ["64", "1.0"]]
    assert rows(folder.times)[-1][0] == "64"


def test_metrics_that_an_older_release_began_keep_their_columns(tmp_path):
    folder = RunFolder(tmp_path)
    evaluate(folder, {0: 0.0})
    old = [row[:-4] for row in rows(folder.metrics)]
    with folder.metrics.open("w", newline="") as file:
        csv.writer(file).writerows(old)
    evaluate(folder, {64: 0.25}, append=True)
    assert {len(row) for row in rows(folder.metrics)} == {len(MetricsFile.COLUMNS) - 4}
