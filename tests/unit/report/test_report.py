"""`sac report`: what a person reads first is the verdict, and it says where, how much, why, and what next."""

from __future__ import annotations

import json
import re

import pytest

from sac.cli import main
from sac.ledger.divergence import LedgerDivergence
from sac.report.html import TEMPLATES
from sac.report.strip import StripBuilder
from sac.report.verdict_text import find_verdicts
from tests.unit.report.ledgers import FINGERPRINT, write_run


def test_the_verdict_comes_first_and_names_place_cause_and_next_command(report, tmp_path):
    page, markdown = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4))
    first_three = "\n".join(markdown.splitlines()[:3])
    for text in (first_three, page.text[:900]):
        assert "diverged at iteration 4 (global step 256), channel rollout.action" in text
        assert "unseeded space" in text
    assert "sac twin --env_id=Point-v1 --num_envs=4 --total_timesteps=256" in page.text
    assert page.text.index("They part") < page.text.index("What was learnt")


def test_the_report_is_made_from_the_verdict_s_fields_not_from_its_text(report, tmp_path, monkeypatch):
    runs = write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4)
    before = report(*runs)
    monkeypatch.setattr(LedgerDivergence, "verdict", property(lambda self: pytest.fail("its text was asked for")))
    after = report(*runs)
    assert (after[0].text, after[1]) == (before[0].text, before[1])


def test_channels_that_may_have_parted_earlier_are_named(report, tmp_path):
    """Digests cover an iteration: without marks the first channel need not be the first in time."""
    page, markdown = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4, channel="rollout.obs"))
    assert "Possibly earlier within the iteration rollout.action" in page.text
    assert "- **Possibly earlier within the iteration:** rollout.action" in markdown


def test_equal_runs_are_called_equal_and_how_much_was_compared(report, tmp_path):
    page, markdown = report(write_run(tmp_path / "a"), write_run(tmp_path / "b"))
    assert markdown.startswith("## Equal, bit for bit: a and b\n- **Compared:** 10 iterations")
    assert "Equal, bit for bit: a and b" in page.text
    assert not [
        rect for rect in page.having("rect") if rect["class"] == "s-first" and rect["height"] == "16" and "x" in rect
    ]


def test_a_run_that_is_only_a_beginning_of_another_is_not_called_equal_without_more(report, tmp_path):
    page, markdown = report(write_run(tmp_path / "a", 10), write_run(tmp_path / "b", 4))
    assert markdown.startswith("## Equal, bit for bit, as far as both go: a and b\n")
    assert "Equal, bit for bit, as far as both go: a and b" in page.text


def test_each_channel_has_its_row_and_only_one_parts_first(report, tmp_path):
    page, _ = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4))
    for words in ("differs from 5; in 5 of 10", "parts first at 4; in 6 of 10", "differs from 4; in 6 of 10"):
        assert words in page.text
    assert page.text.count("parts first at") == 1
    # One in the strip and one in the legend.
    assert sum(rect["class"] == "s-first" for rect in page.having("rect")) == 2


def test_a_page_needs_no_network_and_no_script(report, tmp_path):
    page, _ = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4))
    content = (tmp_path / "page.html").read_text()
    assert not page.having("script")
    assert not re.search(r"(?:src|href|url\()\s*=?[\"']?(?:https?:)?//", content)
    assert "prefers-color-scheme:dark" in content


def test_differing_numerics_stand_side_by_side_and_are_marked(report, tmp_path):
    other = {**FINGERPRINT, "cpu": "B", "probe": {"mm": "bb"}}
    page, markdown = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", fingerprint=other))
    assert len(page.having("mark")) == 4
    assert "| fingerprint: cpu | `A` | `B` |" in markdown
    assert "fingerprint: probe.mm" in page.text


def test_reproducing_needs_only_what_the_page_says(report, tmp_path):
    page, markdown = report(write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=1))
    for text in (page.text, markdown):
        assert "sac train --env_id=Point-v1 --seed=1" in text
        assert "--run_dir" not in text, "that folder holds a run already"
        assert f"sac diff {tmp_path}/a {tmp_path}/b" in text
    assert "c0ffee" in page.text


def without_metrics(run):
    (run / "metrics.csv").unlink()


def torn_metrics(run):
    (run / "metrics.csv").write_text("step,success_once,success_at_end,return\n0,0.5,0.5,1\n64,0.")


def binary_metrics(run):
    (run / "metrics.csv").write_bytes(bytes(range(256)))


def torn_ledger(run):
    content = (run / "ledger.jsonl").read_text()
    (run / "ledger.jsonl").write_text(content[:-40])


def no_ledger(run):
    (run / "ledger.jsonl").unlink()


def broken_ledger(run):
    (run / "ledger.jsonl").write_text("nonsense\n")


def header_only(run):
    ledger = run / "ledger.jsonl"
    ledger.write_text(ledger.read_text().splitlines()[0] + "\n")


def broken_manifest(run):
    (run / "manifest.json").write_text("{")


DAMAGE = {
    without_metrics: "No evaluations in b",
    torn_metrics: "0.5",
    binary_metrics: "No evaluations in b",
    torn_ledger: "unfinished line",
    no_ledger: "can't read the ledger",
    broken_ledger: "expected a JSON object",
    header_only: "no iteration in common",
    broken_manifest: "Equal, bit for bit",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_run_is_reported_as_far_as_it_goes(report, tmp_path, damage):
    healthy, damaged = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    damage(damaged)
    page, markdown = report(healthy, damaged)
    assert DAMAGE[damage] in page.text + markdown


NO_LEDGER = {
    "random": bytes(range(256)),
    "text": b"nonsense\n",
    "empty": b"",
    "object": b"{}\n",
    "torn": b'{"ledger": 1',
}


@pytest.mark.parametrize("content", NO_LEDGER)
@pytest.mark.parametrize("in_a_folder", [False, True])
def test_what_does_not_even_begin_as_a_ledger_is_bad_input(tmp_path, monkeypatch, capsys, content, in_a_folder):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run" / "ledger.jsonl" if in_a_folder else tmp_path / "bad.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(NO_LEDGER[content])
    assert main(["report", str(path.parent if in_a_folder else path)]) == 2
    assert f"{path}:1: expected a" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_of_a_ledger_with_a_damaged_line_the_header_is_still_told(report, tmp_path):
    lines = (write_run(tmp_path / "a") / "ledger.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "b.jsonl").write_text("".join([*lines[:3], "nonsense\n", *lines[4:]]))
    page, markdown = report(tmp_path / "b.jsonl")
    assert "b.jsonl:4: expected a JSON object" in markdown
    assert "Point-v1" in page.text


def test_a_single_run_is_told_how_to_get_a_second(report, tmp_path):
    page, markdown = report(write_run(tmp_path / "a", num_envs=8))
    assert markdown.startswith("## One run, a: nothing to compare it with")
    assert "--num_envs=8" in page.text


def test_a_folder_of_runs_stands_for_its_runs(report, tmp_path):
    write_run(tmp_path / "twin" / "run-0")
    write_run(tmp_path / "twin" / "run-1", part_at=3)
    _, markdown = report(tmp_path / "twin")
    assert markdown.startswith("## run-0 and run-1 diverged at iteration 3")


def test_runs_of_equal_names_are_told_apart(report, tmp_path):
    runs = [write_run(tmp_path / "x" / "run"), write_run(tmp_path / "y" / "run")]
    page, _ = report(*runs)
    assert "Equal, bit for bit: x/run and y/run" in page.text


@pytest.mark.parametrize("words", [["nowhere"], ["empty"]])
def test_nothing_to_report_is_bad_input(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["report", *words]) == 2
    assert words[0] in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_a_page_that_cannot_be_written_is_bad_input(tmp_path, capsys):
    assert main(["report", str(write_run(tmp_path / "a")), "-o", f"{tmp_path}/no/page.html"]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_thousands_of_iterations_make_a_small_page_on_which_the_first_difference_is_seen(report, tmp_path):
    values = [number / 4000 for number in range(4000)]
    runs = [write_run(tmp_path / name, 5000, at, metrics=values) for name, at in (("a", None), ("b", 4990))]
    page, _ = report(*runs)
    assert (tmp_path / "page.html").stat().st_size < 200_000
    assert "parts first at 4990" in page.text
    (hit,) = [rect for rect in page.having("rect") if rect["class"] == "s-first" and "x" in rect]
    assert float(hit["width"]) >= 2


def test_a_cell_of_many_iterations_shows_the_strongest_of_them(tmp_path):
    from sac.ledger.comparison import compare
    from sac.ledger.file import read_ledger

    a, b = read_ledger(write_run(tmp_path / "a", 100)), read_ledger(write_run(tmp_path / "b", 100, part_at=57))
    builder = StripBuilder(a.config, b.config, columns=10)
    strip = builder.strip(compare(a, b, builder.add))
    rows = {row.channel: row.cells for row in strip.rows}
    assert (strip.per_cell, strip.iterations) == (16, (0, 16, 32, 48, 64, 80, 96))
    assert rows["rollout.action"] == ((0, 3, "equal"), (3, 1, "first"), (4, 3, "after"))
    assert rows["env.seed"] == ((0, 3, "equal"), (3, 4, "after"))


def test_a_verdict_is_found_in_whatever_surrounds_it(tmp_path):
    from sac.ledger.comparison import compare
    from sac.ledger.file import read_ledger

    a, b = read_ledger(write_run(tmp_path / "a")), read_ledger(write_run(tmp_path / "b", part_at=3))
    text = compare(a, b).text
    noisy = "Traceback\n" + "\n".join("E       " + line for line in text.splitlines()) + "\nE  and more"
    (found,) = find_verdicts(noisy)
    assert (found.iteration, found.global_step, found.channel) == (3, 192, "rollout.action")
    assert found.explained
    assert found.detail("next").startswith("`sac twin ")
    assert find_verdicts("nothing parted") == []


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_marks_be_seen(scheme):
    css = (TEMPLATES / "style.css").read_text()
    light, dark = (dict(re.findall(r"--(\w+):(#\w+)", part)) for part in css.split("@media", 2)[:2])
    colours = light if scheme == "light" else dark
    assert colours.keys() == light.keys()
    for ground in ("bg", "card"):
        for text in ("ink", "soft", "link", "good", "bad", "warn"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for mark in ("equal", "first", "after", *(f"c{n}" for n in range(6))):
            assert contrast(colours[mark], colours[ground]) >= 3, (mark, ground)
    assert contrast(colours["ink"], colours["mark"]) >= 4.5


def test_the_markdown_holds_no_more_than_a_job_summary_may(report, tmp_path):
    _, markdown = report(write_run(tmp_path / "a", 5000), write_run(tmp_path / "b", 5000, part_at=7))
    assert len(markdown.encode()) < 1024**2 / 20


def test_the_manifest_of_a_run_that_no_command_started_gives_no_command(report, tmp_path):
    run = write_run(tmp_path / "a")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "command": ["/bin/pytest", "-q"]}))
    page, _ = report(run)
    assert "sac -q" not in page.text
