"""A report of seeds and settings: what was learnt comes first, with an interval over seeds, and nothing "parts"."""

from __future__ import annotations

import base64
import csv
import io
import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import numpy as np
import pytest

from sac.report.experiments import find_experiments
from sac.report.learning import MOST_IN_COLOUR, learn
from sac.report.model import make_report
from sac.report.plots import MOST_SEED_POINTS, thinned
from sac.report.runs import read_runs
from sac.statistics.intervals import estimate
from tests.unit.report.seeds import write_seed, write_seeds

LOW, HIGH = [0.31, 0.42, 0.38, 0.5, 0.27], [0.88, 0.79, 0.91, 0.84, 0.7]


@pytest.fixture
def two(tmp_path):
    """Two experiments of five seeds."""
    return [*write_seeds(tmp_path / "low", LOW, gamma=0.8), *write_seeds(tmp_path / "high", HIGH, gamma=0.95)]


def learnt(*runs):
    return learn(find_experiments(read_runs(runs)))


def files(page):
    """The files that a page hands out: name -> content."""
    return {
        link["download"]: base64.b64decode(unquote(link["href"].partition("base64,")[2])).decode()
        for link in page.having("a")
        if "download" in link
    }


def test_what_was_learnt_heads_the_page_and_groups_are_named_by_their_flags(report, two):
    page, markdown = report(*two)
    head = "2 experiments, 5 seeds each: success_once at step 640: gamma=0.95 0.824"
    assert markdown.startswith(f"## {head}")
    assert page.text.index("Run report") < page.text.index("What was learnt") < page.text.index("How to reproduce")
    assert "gamma=0.8 0.376" in markdown and "G1" not in page.text


def test_runs_that_differ_on_purpose_do_not_part_and_have_no_ledger_section(report, two):
    page, markdown = report(*two)
    for words in ("They part", "Ledgers of", "diverged"):
        assert words not in page.text + markdown
    assert "not compared: no two runs have the same flags and the same seed" in page.text
    assert not page.having("table") or not [table for table in page.having("table") if table.get("class") == "strip"]


def test_runs_that_should_be_equal_still_part_in_red(report, tmp_path):
    """The negative control: the same flags and the same seed, among other seeds."""
    runs = write_seeds(tmp_path, LOW)
    again = write_seed(tmp_path / "again", 42, [0.0, 0.1, 0.2])
    ledger = again / "ledger.jsonl"
    ledger.write_text(re.sub(r'("rollout.obs": ")a', r"\g<1>f", ledger.read_text()))
    page, markdown = report(*runs, again)
    assert markdown.startswith("## s42 and again diverged at iteration 0")
    assert page.text.index("They part") < page.text.index("Success at least once")
    assert page.text.count("Ledgers of") == 1


def test_equal_runs_among_seeds_are_called_equal_below_what_was_learnt(report, tmp_path):
    page, _ = report(*write_seeds(tmp_path, LOW), write_seed(tmp_path / "again", 42, [0.0, 0.155, 0.31]))
    assert page.text.index("Success at least once") < page.text.index("Equal, bit for bit: s42 and again")
    assert "each counts once: again (of s42)" in page.text


@pytest.mark.parametrize("column, values", [("success_once", LOW), ("return", [10 + value for value in LOW])])
def test_the_interval_is_the_one_of_sac_stats(tmp_path, column, values):
    (curve,) = learnt(*write_seeds(tmp_path, LOW)).curves[column]
    end, expected = curve.points[-1], estimate("mean", (np.array(values),))
    assert (end.mean, end.low, end.high) == pytest.approx((np.mean(values), float(expected.low), float(expected.high)))
    assert (curve.runs, len(curve.lines)) == (5, 5)


def test_a_rate_s_interval_stays_between_0_and_1(tmp_path):
    (curve,) = learnt(*write_seeds(tmp_path, [1.0, 0.9, 1.0, 0.95, 1.0])).curves["success_once"]
    assert curve.points[-1].high == 1.0


def test_runs_that_found_the_same_have_no_interval(report, tmp_path):
    page, markdown = report(*write_seeds(tmp_path, [0.5] * 3))
    assert "success_once at step 640: 0.5\n" in markdown
    assert not [shape for shape in page.having("path") if "band" in str(shape.get("class"))]
    assert "unlike seeds, and yet the same results" in page.text


def test_seeds_and_episodes_are_counted(report, two):
    page, _ = report(*two)
    assert "Seeds 42-46 Episodes 64 in each evaluation of each run" in page.text


def test_of_older_runs_environments_are_told_instead_of_episodes(report, tmp_path):
    runs = [write_seed(tmp_path / f"s{seed}", seed, [0.1 * seed], episodes="", num_eval_envs=16) for seed in (1, 2)]
    assert "those of 16 environments in each evaluation" in report(*runs)[0].text


def test_a_run_that_was_changed_on_purpose_is_an_experiment_of_its_own(report, tmp_path):
    runs = write_seeds(tmp_path, LOW)
    changed = write_seed(tmp_path / "one_ulp", 42, [0.0, 0.5, 1.0], changed={"kind": "one ULP"})
    page, markdown = report(*runs, changed)
    assert "one_ulp: " not in markdown and "They part" not in page.text
    assert "an experiment of its own: one_ulp" in page.text
    assert "changed=one ULP" in page.text
    mean = sum(LOW) / 5
    assert f"changed=no {mean:.3g}" in markdown, "the seeds' mean is theirs alone"


def test_an_unfinished_seed_shortens_the_mean_and_is_named(report, tmp_path):
    runs = write_seeds(tmp_path, LOW[:3])
    short = write_seed(tmp_path / "short", 50, [0.0, 0.2])
    page, _ = report(*runs, short)
    assert "mean up to step 320, where short ends; 3 of 4 runs go further" in page.text


def test_a_ledger_that_is_lost_is_told_though_no_curve_needs_it(report, tmp_path):
    runs = write_seeds(tmp_path, LOW)
    (runs[1] / "ledger.jsonl").unlink()
    page, _ = report(*runs)
    assert "1 of 5 ledgers; the first: " in page.text and "Point-v1, 5 seeds" in page.text


def test_without_a_common_evaluation_there_is_no_mean_and_a_reason(report, tmp_path):
    runs = write_seeds(tmp_path, LOW[:2])
    metrics = runs[1] / "metrics.csv"
    metrics.write_text(re.sub(r"(?m)^(\d+),", lambda found: f"{int(found[1]) + 1},", metrics.read_text()))
    assert "its runs have no evaluation at the same step" in report(*runs)[0].text


def test_losses_and_wall_time_are_drawn(report, two):
    page, _ = report(*two)
    for words in ("Loss of the critics", "Loss of the actor", "Temperature", "seconds of wall time", "env steps"):
        assert words in page.text
    assert len(page.having("input")) == 2


def test_without_a_clock_there_is_no_choice_of_axis(report, tmp_path):
    page, _ = report(*[write_seed(tmp_path / f"s{seed}", seed, [0.0, 0.1 * seed], seconds=None) for seed in (1, 2)])
    assert not page.having("input") and "wall time" not in page.text


def test_a_mean_over_wall_time_lies_at_the_mean_time_of_its_runs(tmp_path):
    runs = [write_seed(tmp_path / f"s{seed}", seed, [0.0, 0.1 * seed], seconds=10.0 * seed) for seed in (1, 2, 3)]
    (curve,) = learnt(*runs).curves["success_once"]
    assert [point.seconds for point in curve.points] == pytest.approx([0.0, 20.0])
    assert [line.points[-1][1] for line in curve.lines] == [10.0, 20.0, 30.0]


def test_values_stand_under_the_pointer(report, two):
    page, _ = report(*two)
    assert "640 env steps gamma=0.8: 0.376 (0.275 to 0.507) gamma=0.95: 0.824 (" in page.text


def test_csv_files_hold_all_digits_of_every_run(report, two):
    found = files(report(*two)[0])
    rows = list(csv.DictReader(io.StringIO(found["runs.csv"])))
    assert len(rows) == 30
    last = [row for row in rows if row["experiment"] == "gamma=0.95" and row["step"] == "640"]
    assert [float(row["success_once"]) for row in last] == HIGH
    assert {row["seconds"] for row in last} == {"20.0"}
    means = list(csv.DictReader(io.StringIO(found["success_once.csv"])))
    assert float(means[-1]["mean"]) == pytest.approx(np.mean(HIGH))
    assert float(means[-1]["low"]) < float(means[-1]["mean"]) < float(means[-1]["high"])


def test_svg_files_stand_alone_with_axes_and_a_legend(report, two):
    found = {name: text for name, text in files(report(*two)[0]).items() if name.endswith(".svg")}
    assert {"success_once_steps.svg", "success_once_time.svg", "qf_loss_steps.svg"} <= found.keys()
    for text in found.values():
        root = ET.fromstring(text)
        words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {"gamma=0.8, 5 runs", "gamma=0.95, 5 runs"} <= set(words)
        assert {"env steps", "seconds of wall time"} & set(words)
        assert "@media print" in text and "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_many_experiments_are_ordered_and_the_highest_have_colours(report, tmp_path):
    runs = [
        run
        for number in range(9)
        for run in write_seeds(tmp_path / str(number), [0.1 * number, 0.1 * number + 0.05], utd=number)
    ]
    page, markdown = report(*runs)
    assert markdown.startswith("## 9 experiments, 2 seeds each: highest success_once at step 640: utd=8 0.825")
    assert f"in colour the {MOST_IN_COLOUR} of 9 experiments that end highest" in page.text
    assert "the other 3" in page.text
    assert [one.name for one in learnt(*runs).experiments][:2] == ["utd=8", "utd=7"]


def test_a_table_of_many_runs_counts_values_instead_of_listing_runs(report, two):
    page, markdown = report(*two)
    assert "| flag: gamma | `0.8` (5), `0.95` (5) |" in markdown
    assert "values, and how many of 10 runs have each" in page.text


@pytest.mark.parametrize("evaluations", [5, 100, 1000])
def test_pictures_of_many_long_runs_are_thinned_and_say_so(tmp_path, evaluations):
    values = [number / evaluations for number in range(evaluations)]
    runs = [write_seed(tmp_path / f"s{seed}", seed, values, seconds=None) for seed in range(30)]
    (shown,), note = thinned(learnt(*runs).curves["success_once"])
    assert sum(len(line.points) for line in shown.lines) <= MOST_SEED_POINTS
    assert bool(note) == (evaluations > 200)
    assert shown.points[-1].step == shown.lines[0].points[-1][0] == 320 * (evaluations - 1), "the end is never left out"


@pytest.mark.parametrize("end", [1e308, -1e308, 1e-320, 0.0])
def test_numbers_at_the_edge_of_float64_make_a_page(report, tmp_path, end):
    runs = [write_seed(tmp_path / f"s{seed}", seed, [0.0, end * seed / 2]) for seed in (1, 2)]
    page, _ = report(*runs)
    words = page.text.lower().split()
    assert not [word for word in words if "nan" in word or word.strip("-(),").startswith("inf")]
    assert not [path for path in page.having("path") if re.search("nan|inf", str(path["d"]))]


def test_the_next_command_compares_two_experiments(report, two, tmp_path):
    page, _ = report(tmp_path / "low", tmp_path / "high")
    assert f"sac stats {tmp_path}/low --against {tmp_path}/high" in page.text


def test_one_seed_of_each_setting_is_told_to_tell_nothing_of_chance(report, tmp_path):
    runs = [write_seed(tmp_path / name, 1, [0.0, 0.5], gamma=gamma) for name, gamma in (("a", 0.8), ("b", 0.9))]
    page, _ = report(*runs)
    assert "one seed tells nothing of chance" in page.text
    assert "They part" not in page.text and "2 experiments, 1 seed each" in page.text


def test_runs_that_a_test_meant_to_be_equal_are_compared_whatever_their_flags(tmp_path):
    """The gate's page: a difference in seed or flags is then the fault, not a purpose."""
    runs = read_runs([write_seed(tmp_path / f"s{seed}", seed, [0.0, 0.1 * seed]) for seed in (1, 2)])
    assert make_report(runs).outcome == "experiments"
    gate = make_report(runs, all_equal=True)
    assert gate.outcome == "diverged" and "diverged at iteration 0" in gate.headline
