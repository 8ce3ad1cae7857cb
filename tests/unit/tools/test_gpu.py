"""The benchmark of a GPU without a GPU: its parts on the CPU, its verdicts on made-up figures, what it keeps."""

import json
from pathlib import Path

import pytest

from tools.gpu import command as gpu
from tools.gpu import machine, parts
from tools.gpu.aims import AIMS, Verdict, exit_status, rows, summary
from tools.gpu.parts import PARTS, Request, read
from tools.measure import overlap_gain

FACTS = {"GPU": "H999", "cores": 16}


def seconds(**times):
    """What `update_peers` writes, at a batch of 1024: rounds of contenders whose names have no spaces here."""
    names = {"port": "eager port", "compiled": "compile + cudagraphs", "ours": "ours"}
    return {"status": 0, "seconds_of": {"1024": {names[name]: found for name, found in times.items()}}}


def long_run(run="runs/first-1", **changes):
    found = {"status": 0, "run": run, "wall_seconds": 299.6, "steps": 500_032, "success_once": "0.875", "full": True}
    return found | changes


TWIN = {"status": 0, "ledgers": "33 iterations compared", "policies_equal": True}


def equal(**changes):
    found = {"status": 0, "ledgers": "7814 iterations compared", "policies_equal": True, "full": True}
    return found | {"runs": ["runs/first-1", "runs/second-1"]} | changes


def verdicts(part, found, **others):
    return [row.verdict for row in rows({part: found, **others}) if row.aim.part == part]


def everything():
    """What a whole command leaves that meets every aim."""
    whole = {
        "tests": {"status": 0, "tests": 30, "failed": 0, "skipped": 0},
        "twin": TWIN,
        "updates": seconds(port=[8.0], compiled=[1.3], ours=[1.0]),
        "overlap": {"status": 0, "seconds_of": {"default": [3.0, 4.0], "overlapped": [2.0, 2.0]}},
        "issue_1250_first": long_run(),
        "issue_1250_second": long_run("runs/second-1"),
        "issue_1250_equal": equal(),
    }
    return {part: {**found, "machine": FACTS, "ended": "2026-11-23 10:00"} for part, found in whole.items()}


def test_every_part_has_an_aim_or_a_line_without_one():
    assert {aim.part for aim in AIMS} == set(PARTS)
    assert set(everything()) == set(PARTS)


@pytest.mark.parametrize(
    "times, expected",
    [
        ({"port": [8.0, 8.1, 7.0], "compiled": [1.3, 1.2, 1.4], "ours": [1.0, 1.0, 1.0]}, [True, True]),
        ({"port": [7.9, 8.1, 7.0], "compiled": [1.3, 1.2, 1.4], "ours": [1.0, 1.0, 1.0]}, [False, True]),
        ({"port": [9.0, 9.0, 9.0], "compiled": [1.2, 1.2, 9.0], "ours": [1.0, 1.0, 1.0]}, [True, False]),
        # A machine that slows down in its third round slows all: the ratios stay.
        ({"port": [8.0, 8.0, 80.0], "compiled": [1.3, 1.3, 13.0], "ours": [1.0, 1.0, 10.0]}, [True, True]),
    ],
)
def test_updates_are_judged_by_the_median_of_ratios(times, expected):
    aims = [Verdict.MET if met else Verdict.MISSED for met in expected]
    assert verdicts("updates", seconds(**times))[:2] == aims


def test_batches_that_were_left_out_are_not_run_and_those_without_an_aim_are_shown():
    found = seconds(port=[16.0, 16.0], compiled=[2.0, 2.0], ours=[1.0, 1.0])
    assert verdicts("updates", found) == [Verdict.MET] * 2 + [Verdict.NOT_RUN] * 4
    found["seconds_of"]["256"] = found["seconds_of"].pop("1024")
    assert verdicts("updates", found) == [Verdict.NOT_RUN] * 2 + [Verdict.NONE] * 2 + [Verdict.NOT_RUN] * 2
    assert "| batch 256: times as fast as LeanRL's recipe | 2.00 (2.00, 2.00; 2 rounds): 1 against 0 updates/s" in (
        summary({"updates": {**found, "machine": FACTS}})
    )


@pytest.mark.parametrize(
    "part, found, expected",
    [
        ("tests", {"status": 0, "tests": 30, "failed": 0, "skipped": 0}, Verdict.MET),
        ("tests", {"status": 1, "tests": 30, "failed": 1, "skipped": 0}, Verdict.MISSED),
        ("tests", {"status": 0, "tests": 30, "failed": 0, "skipped": 14}, Verdict.MISSED),
        ("tests", {"status": 0, "tests": 0, "failed": 0, "skipped": 0}, Verdict.MISSED),
        ("issue_1250_first", long_run(), Verdict.MET),
        ("issue_1250_first", long_run(wall_seconds=300.4), Verdict.MISSED),
        ("issue_1250_first", long_run(steps=499_968), Verdict.MISSED),
        ("issue_1250_first", long_run(steps=64, full=False), Verdict.NOT_THIS),
        ("issue_1250_first", {"status": 2, "error": "sac train ended with status -9"}, Verdict.FAILED),
    ],
)
def test_a_part_meets_its_aim_or_does_not(part, found, expected):
    assert verdicts(part, found) == [expected]


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, Verdict.MET),
        ({"status": 1, "policies_equal": False}, Verdict.MISSED),
        ({"full": False}, Verdict.NOT_THIS),
        # A difference is one however short the run is.
        ({"status": 1, "full": False}, Verdict.MISSED),
        # Of runs that others have taken the place of.
        ({"runs": ["runs/first-0", "runs/second-1"]}, Verdict.NOT_RUN),
    ],
)
def test_only_the_newest_full_runs_can_be_the_equal_ones(changes, expected):
    runs = {"issue_1250_first": long_run(), "issue_1250_second": long_run("runs/second-1")}
    assert verdicts("issue_1250_equal", equal(**changes), **runs) == [expected]


def test_the_exit_status_is_that_of_the_parts_of_this_call():
    left = everything()
    assert exit_status(rows(left), list(PARTS)) == 0
    left["issue_1250_first"]["wall_seconds"] = 308.0
    assert exit_status(rows(left), list(PARTS)) == 1
    assert exit_status(rows(left), ["tests", "issue_1250_second"]) == 0
    left["twin"] = {"status": 2, "error": "sac twin ended with status 2"}
    assert exit_status(rows(left), list(PARTS)) == 2
    assert exit_status(rows(left), ["issue_1250_first"]) == 1


def test_the_summary_says_what_was_met_missed_and_not_run():
    left = everything()
    left["issue_1250_second"]["wall_seconds"] = 324.0
    del left["overlap"]
    text = summary(left)
    assert "| GPU | H999 |" in text and "The aims are those of" not in text
    assert "| 500,032 steps in at most 300 s, first run | 500,032 steps in 300 s; success_once 0.875 | met |" in text
    assert "second run | 500,032 steps in 324 s; success_once 0.875 | not met | 2026-11-23 10:00 |" in text
    assert "| 7814 iterations compared; policy.pt the same bytes | met |" in text
    assert "times as fast as without |  | not run |  |" in text


def test_a_trial_is_never_taken_for_the_command():
    left = everything()
    for part in ("issue_1250_first", "issue_1250_second", "issue_1250_equal"):
        left[part]["full"] = False
    assert summary(left).count("| trial: not the full command |") == 3
    assert exit_status(rows(left), list(PARTS)) == 0


def test_the_summary_names_each_machine_and_one_of_other_size():
    left = everything()
    left["twin"]["machine"] = {"GPU": "H998", "cores": 12}
    text = summary(left)
    assert "| machine of | twin |" in text and "| GPU | H998 |" in text
    assert "| machine of | tests, updates, overlap, issue" in text
    assert text.count("machine with 16 cores; this one has 12") == 1


def test_a_killed_call_loses_no_part_that_had_ended_and_later_ones_add_to_it(tmp_path, monkeypatch):
    whole, request = everything(), Request(tmp_path)
    for part in PARTS:
        monkeypatch.setitem(PARTS, part, lambda request, children, found=whole[part]: dict(found))
    assert gpu.run_parts(["tests"], request, FACTS, None) == 0

    def killed(request, children):
        raise SystemExit(143)

    monkeypatch.setitem(PARTS, "overlap", killed)
    with pytest.raises(SystemExit):
        gpu.run_parts(["twin", "overlap", "issue_1250_first"], request, FACTS, None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["summary.md", "tests.json", "twin.json"]
    assert (tmp_path / "summary.md").read_text().count("| met |") == 2


def test_an_interruption_says_where_the_results_are(tmp_path, monkeypatch, capsys):
    def interrupted(request, children):
        raise KeyboardInterrupt

    monkeypatch.setitem(PARTS, "twin", interrupted)
    monkeypatch.setattr(gpu, "ask_machine", lambda children: {"trouble": "", "facts": FACTS})
    assert gpu.main(["--parts", "twin", "--out", str(tmp_path / "out")]) == 130
    assert str(tmp_path / "out") in capsys.readouterr().err


def test_a_part_that_breaks_is_an_error_and_the_next_one_runs(tmp_path, monkeypatch):
    def broken(request, children):
        raise FileNotFoundError("no report")

    monkeypatch.setitem(PARTS, "tests", broken)
    monkeypatch.setitem(PARTS, "twin", lambda request, children: dict(TWIN))
    assert gpu.run_parts(["tests", "twin"], Request(tmp_path), FACTS, None) == 2
    assert read(tmp_path, "tests")["error"] == "FileNotFoundError: no report"
    assert read(tmp_path, "twin")["status"] == 0


def test_the_benchmarks_of_a_gpu_are_given_rounds_and_their_seconds_are_kept(tmp_path, monkeypatch):
    given = []

    def stand_in(children, *arguments, **options):
        given.append(arguments)
        Path(arguments[-1].removeprefix("--json=")).write_text(json.dumps({"default": [2.0], "overlapped": [1.0]}))
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(parts, "python", stand_in)
    monkeypatch.setattr(parts.machine, "usable_cores", lambda: 16)
    assert parts.overlap(Request(tmp_path, rounds=5), None)["seconds_of"]["overlapped"] == [1.0]
    assert given[0][:-1] == ("-m", "tools.measure.overlap_gain", "--device=cuda", "--workers=15", "--pairs=5")
    parts.updates(Request(tmp_path), None)
    assert given[1][:-1] == ("-m", "tools.measure.update_peers")


@pytest.mark.parametrize("left", [None, {"1024": {"eager port": [8.0], "compile + cudagraphs": [1.3], "ours": [1.0]}}])
def test_a_benchmark_that_breaks_keeps_what_it_had_found_and_is_an_error(tmp_path, monkeypatch, left):
    def stand_in(children, *arguments, **options):
        if left is not None:
            Path(arguments[-1].removeprefix("--json=")).write_text(json.dumps(left))
        return type("Done", (), {"returncode": 1})

    monkeypatch.setattr(parts, "python", stand_in)
    found = parts.updates(Request(tmp_path), None)
    known = [Verdict.FAILED] * 2 if left is None else [Verdict.MET] * 2
    assert verdicts("updates", found) == known + [Verdict.FAILED] * 4
    assert exit_status(rows({"updates": found}), ["updates"]) == 2


def test_a_report_of_tests_is_counted():
    report = '<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>'
    assert parts.outcomes(report) == {"tests": 9, "failed": 3, "skipped": 3}


def test_parts_run_in_the_order_of_the_table():
    assert gpu.selected("issue_1250_equal, twin,twin") == ["twin", "issue_1250_equal"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--parts", "twins"], ["no part 'twins'", *PARTS]),
        (["--parts", ""], ["no part ''"]),
        (["--rounds", "1"], ["--rounds", "at least 2"]),
        (["--total_timesteps", "0"], ["--total_timesteps", "at least 1"]),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_anything_runs(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(gpu, "ask_machine", lambda children: pytest.fail("it went on"))
    with pytest.raises(SystemExit) as stop:
        gpu.main(arguments)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    for word in words:
        assert word in said


def test_a_single_pair_of_iterations_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        overlap_gain.make_parser().parse_args(["--pairs", "1"])
    assert stop.value.code == 2
    assert "--pairs: must be a whole number and at least 2" in capsys.readouterr().err


def test_the_driver_is_found_in_what_the_kernel_tells():
    told = (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.03  Release Build  (x)\nGCC version: 12.3.0\n"
    )
    assert machine.driver_in(told) == "580.159.03"
    assert machine.driver_in("nothing") == "unknown"
