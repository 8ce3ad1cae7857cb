"""Speed in a report: what `sac bench compare --json` wrote is read, told in words, and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sac.bench.compare import BenchReport, Result, Wanted
from sac.bench.judge import BenchVerdict, Interval
from sac.bench.report import as_json
from sac.bench.rounds import Setup
from sac.bench.trees import Tree
from sac.cli import main
from sac.report.benches import is_chain, read_benches, trends
from sac.untrusted.seal import MEMBER, sealed
from tests.unit.report.ledgers import write_run
from tests.unit.report.reading import Reader


def comparison(base: str, head: str, **ratios: float | BenchVerdict) -> str:
    """The JSON of a comparison, made by the very code that writes it."""
    results = []
    for name, ratio in ratios.items():
        if isinstance(ratio, BenchVerdict):
            results.append(Result(name, ratio, note="can't run here"))
            continue
        verdict = BenchVerdict.SLOWER if ratio > 1.1 else BenchVerdict.WITHIN
        results.append(Result(name, verdict, Interval(ratio, ratio * 0.98, ratio * 1.02), "cpu", 1e-3, ratio * 1e-3, 5))
    one, other = (Tree(Path(), revision) for revision in (base, head))
    report = BenchReport(one, other, Wanted(), Setup("deterministic", 1), results, 12.0, (0.5, 0.7), ({}, {}), {})
    # Tests change it: without its checksum it is taken as it is.
    return json.dumps({name: value for name, value in json.loads(as_json(report)).items() if name != MEMBER})


@pytest.fixture
def made(tmp_path, monkeypatch, capsys):
    """Writes comparisons, runs `sac report` on them, and gives the page as read, and the Markdown."""
    monkeypatch.chdir(tmp_path)

    def run(*documents, runs=()):
        names = []
        for number, document in enumerate(documents):
            (tmp_path / f"{number}.json").write_text(document)
            names.append(f"{number}.json")
        assert main(["report", *map(str, runs), *names, "-o", "page.html", "--markdown", "-"]) == 0
        return Reader((tmp_path / "page.html").read_text()), capsys.readouterr().out

    return run


PLAIN = comparison("a", "b", update=1.0)
SLOW = {"update_256": 1.2, "replay_add": 1.01, "env_step": BenchVerdict.SKIPPED}


def test_a_slowdown_is_the_first_thing_said(made):
    page, markdown = made(comparison("aaaa", "bbbb", **SLOW))
    assert markdown.startswith("## Benchmarks: slowdown, bbbb against aaaa: update_256\n")
    assert "| update_256 | 1.200 | 1.176 to 1.224 | slower |" in markdown
    assert "Benchmarks: slowdown, bbbb against aaaa: update_256" in page.text
    assert "1.200 (1.176 to 1.224), slower" in page.text
    assert "skipped (can't run here)" in page.text and "| env_step |  |  | skipped: can't run here |" in markdown


def test_the_picture_marks_the_slowdown_alone(made):
    page, _ = made(comparison("aaaa", "bbbb", **SLOW))
    marked = [rect for rect in page.having("rect") if rect["class"] == "s-first"]
    assert len(marked) == 2, "an interval and its middle"
    assert all(100 < float(rect["x"]) < 200 for rect in marked), "right of the line of equal speed"


def test_speed_stands_beside_runs_and_leaves_their_verdict_first(made, tmp_path):
    runs = [write_run(tmp_path / "a"), write_run(tmp_path / "b")]
    page, markdown = made(comparison("aaaa", "bbbb", update_256=1.0), runs=runs)
    assert markdown.startswith("## Equal, bit for bit: a and b")
    assert "### Speed: no slowdown, bbbb against aaaa" in markdown
    assert page.text.index("Equal, bit for bit") < page.text.index("Speed") < page.text.index("How to reproduce")


def test_without_a_comparison_nothing_is_said_of_speed(made, tmp_path):
    page, markdown = made(runs=[write_run(tmp_path / "a")])
    assert "Speed" not in page.text and "Speed" not in markdown


def test_ratios_of_a_chain_of_revisions_are_multiplied(made):
    chain = [comparison("a1", "b2", update=1.1), comparison("b2", "c3", update=1.1), comparison("c3", "d4", update=0.5)]
    page, markdown = made(*chain)
    assert "3 comparisons in a row: the time in units of the first base, a1." in page.text
    assert "| update | 1.10 1.21 0.61 |" in markdown
    assert "1.10 1.21 0.61" in page.text


def test_ratios_that_do_not_link_up_stand_alone(made):
    _, markdown = made(comparison("a1", "b2", update=1.1), comparison("x8", "y9", update=1.1, other=1.0))
    assert "their revisions do not link up" in markdown
    assert "| update | 1.10 1.10 |" in markdown
    assert "| other | ? 1.00 |" in markdown


def test_a_working_tree_with_changes_is_no_link_of_a_chain(tmp_path):
    names = [("a1", "b2+changes"), ("b2+changes", "c3")]
    for number, (base, head) in enumerate(names):
        (tmp_path / f"{number}.json").write_text(comparison(base, head, update=1.1))
    assert not is_chain(read_benches([str(tmp_path / "0.json"), str(tmp_path / "1.json")]))


def test_behind_a_gap_a_chain_says_that_it_does_not_know(tmp_path):
    documents = comparison("a", "b", u=1.1), comparison("b", "c", v=1.0), comparison("c", "d", u=1.1)
    for number, document in enumerate(documents):
        (tmp_path / f"{number}.json").write_text(document)
    found = {t.name: t.values for t in trends(read_benches([str(tmp_path / f"{n}.json") for n in range(3)]))}
    assert found["u"][0] == pytest.approx(1.1)
    assert found["u"][1:] == (None, None)


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "is no file of `sac bench compare --json`: no such file"),
        ("{", "is no file of `sac bench compare --json`"),
        ("[]", "is no file of `sac bench compare --json`"),
        ('{"results": 3}', "is no file of `sac bench compare --json`"),
        (PLAIN.replace('"ratio": 1.0', '"ratio": 0'), "a ratio that is no positive number"),
        (PLAIN.replace('"ratio": 1.0', '"ratio": NaN'), "NaN, which JSON does not have"),
    ],
)
def test_a_file_that_is_no_comparison_is_refused(tmp_path, capsys, content, words):
    path = tmp_path / "speed.json"
    if content is not None:
        path.write_text(content)
    assert main(["report", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_a_run_folder_may_be_called_like_a_file(made, tmp_path):
    _, markdown = made(comparison("aaaa", "bbbb", update=1.0), runs=[write_run(tmp_path / "run.json")])
    assert markdown.startswith("## One run, run.json") and "### Speed: no slowdown" in markdown


def test_names_and_notes_can_not_break_the_page(made):
    document = comparison("a", "b", update=BenchVerdict.FAILED).replace("can't run here", "<script>|x")
    page, markdown = made(document)
    assert not page.having("script")
    assert "&lt;script&gt;&#124;x" in markdown


def test_a_comparison_that_was_edited_is_refused(tmp_path, capsys):
    path = tmp_path / "speed.json"
    path.write_text(json.dumps(sealed(json.loads(PLAIN))))
    assert main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 0
    path.write_text(path.read_text().replace('"ratio": 1.0', '"ratio": 1.5'))
    assert main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 2
    assert "its content is not what was written" in capsys.readouterr().err
