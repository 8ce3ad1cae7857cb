"""An answer of `sac why` in `sac report`: line, code, reason, fix and audit, on the page and as Markdown."""

from __future__ import annotations

import json

import pytest

from sac.cli import main
from tests.unit.report.answers import SCRIPT, write_answer
from tests.unit.report.ledgers import write_run
from tests.unit.report.reading import Reader


@pytest.fixture
def report(tmp_path, capsys, monkeypatch):
    """Runs `sac report` and gives the page as read, and the Markdown."""
    monkeypatch.chdir(tmp_path)

    def run(*paths):
        capsys.readouterr()
        assert main(["report", *map(str, paths), "-o", "page.html", "--markdown", "-"]) == 0
        return Reader((tmp_path / "page.html").read_text()), capsys.readouterr().out

    return run


def test_the_answer_is_shown_with_line_reason_and_fix_first(report, tmp_path):
    page, markdown = report(write_answer(tmp_path / "x"))
    head, why, fix = markdown.splitlines()[:3]
    assert head == "## They part at train.py:5: a space is sampled that nobody has seeded"
    assert why.startswith("- **Why:** A gymnasium space has a generator of its own")
    assert fix.startswith("- **Fix:** Seed it before the first sample: `envs.action_space.seed(seed)`")
    read = page.text[page.text.index("They part") :]
    words = ("They part", "train.py:5: a space", "action = envs.action_space.sample()", "A gymnasium space", "Seed it")
    places = [read.index(word) for word in words]
    assert places == sorted(places)


def test_the_first_event_its_values_and_the_known_case_are_shown(report, tmp_path):
    page, markdown = report(write_answer(tmp_path / "x"))
    for text in (page.text, markdown):
        assert "first event with equal inputs and other outputs: space.sample (Space.sample) at train.py:5" in text
        assert "0.25 and 0.5" in text
        assert "env.reset (Env.reset) at train.py:3" in text
    (link,) = page.having("a")
    assert link["href"] == "https://github.com/mani-skill/ManiSkill/issues/1250"


def test_a_manual_is_no_known_case_and_without_a_link_none_is_named(report, tmp_path):
    file = write_answer(tmp_path / "x") / "answer.json"
    answer = json.loads(file.read_text())
    assert "**Known case:** https://github.com" in report(file)[1]
    answer["first"] |= {"link": "https://docs.python.org/3/", "link_label": "docs"}
    file.write_text(json.dumps(answer))
    page, markdown = report(file)
    assert "**Docs:** https://docs.python.org/3/" in markdown
    assert [one["href"] for one in page.having("a")] == ["https://docs.python.org/3/"]
    answer["first"] |= {"link": None, "link_label": None}
    file.write_text(json.dumps(answer))
    page, markdown = report(file)
    assert "Known" not in page.text + markdown
    assert not page.having("a")


def test_runs_that_share_a_file_prove_nothing(report, tmp_path):
    file = write_answer(tmp_path / "x") / "answer.json"
    answer = json.loads(file.read_text())
    touches = [{"how": "write", "file": "train.py", "line": 8}, {"how": "read", "file": "train.py", "line": 5}]
    answer["first"] |= {"shared": {"path": "/x/last.pt", "crossed": True, "touches": touches}}
    file.write_text(json.dumps({**answer, "equal": None}))
    page, markdown = report(file)
    for text in (page.text, markdown):
        assert "They part" not in text
        assert "/x/last.pt: run 1 (write) at train.py:8, run 2 (read) at train.py:5" in text
    assert "Nothing proved" in page.text


def test_only_the_line_that_matters_is_marked_in_the_code(report, tmp_path):
    page, markdown = report(write_answer(tmp_path / "x"))
    assert len(page.having("mark")) == 1
    assert ">    5 |     action = envs.action_space.sample()" in " ".join(page.words)
    shown = [line for line in markdown.splitlines() if line.startswith((">", " "))]
    assert shown == [
        *(f"  {number:4} | {text}" for number, text in enumerate(SCRIPT.splitlines()[2:4], start=3)),
        ">    5 |     action = envs.action_space.sample()  # `warm-up` <b>&",
        "     6 |     envs.step(action)",
    ]


def test_the_audit_names_every_source_and_puts_warnings_first(report, tmp_path):
    page, markdown = report(write_answer(tmp_path / "x"))
    for text in (page.text, markdown):
        assert text.index("which nobody has seeded") < text.index("time.time reads the clock")
    assert "| `train.py:5` | **Warning:** Space.sample draws" in markdown
    assert "Warning: Space.sample" in page.text


def test_equal_runs_are_called_equal_and_still_audited(report, tmp_path):
    page, markdown = report(write_answer(tmp_path / "x", drawn="0.25"))
    assert markdown.startswith("## Equal: 2 events compared")
    assert "They part" not in page.text + markdown
    assert not page.having("mark")
    assert "time.time reads the clock" in page.text


def test_runs_and_answers_share_a_page(report, tmp_path):
    runs = write_run(tmp_path / "a"), write_run(tmp_path / "b", part_at=4)
    page, markdown = report(*runs, write_answer(tmp_path / "x"))
    for text in (page.text, markdown):
        assert text.index("diverged at iteration 4") < text.index("train.py:5: a space") < text.index("Ledgers of")
    assert markdown.count("\n## ") + markdown.startswith("## ") == 1


def test_the_printed_object_and_the_kept_folder_give_the_same_page(report, tmp_path, capsys):
    kept = write_answer(tmp_path / "x", proof=False)
    capsys.readouterr()
    main(["why", "--json", str(tmp_path / "x" / "a.trace"), str(tmp_path / "x" / "b.trace")])
    (tmp_path / "answer_of_today").write_text(capsys.readouterr().out)
    assert report(tmp_path / "answer_of_today")[1] == report(kept)[1] == report(tmp_path / "x")[1]


def test_a_folder_of_answers_stands_for_its_answers(report, tmp_path):
    write_answer(tmp_path / "x")
    (tmp_path / "kept").mkdir()
    for name in ("monday", "tuesday"):
        (tmp_path / "x" / "why").rename(tmp_path / "kept" / name)
        write_answer(tmp_path / f"of {name}").rename(tmp_path / "x" / "why")
    page, _ = report(tmp_path / "kept")
    assert page.text.count("They part") == 2


def test_code_cannot_become_markup(report, tmp_path):
    script = SCRIPT.replace("# `warm-up` <b>&", "# ``` <script>alert(1)</script>")
    page, markdown = report(write_answer(tmp_path / "x", script=script))
    assert not page.having("script")
    assert "````text" in markdown
    assert "<script>alert(1)</script>" in page.text


def test_a_page_needs_no_network(report, tmp_path):
    page, _ = report(write_answer(tmp_path / "x"))
    assert not [one for name in ("script", "img", "iframe") for one in page.having(name)]
    assert [one["href"] for one in page.having("link")] == ["data:,"]


def test_without_the_code_the_rest_is_still_said(report, tmp_path):
    kept = write_answer(tmp_path / "x")
    (tmp_path / "x" / "train.py").unlink()
    traces = [str(tmp_path / "x" / f"{name}.trace") for name in "ab"]
    main(["why", "--keep", str(kept), *traces])
    page, markdown = report(kept)
    assert "train.py:5: no cause is proved" in page.text and "unseeded-space at train.py:5" in page.text
    assert not page.having("figure")
    assert "```" not in markdown


def older(answer):
    return {**answer, "sac_why": 99}


def without_mark(answer):
    return {name: value for name, value in answer.items() if name != "sac_why"}


def without_cause(answer):
    return {**answer, "first": {name: value for name, value in answer["first"].items() if name != "why"}}


def no_object(answer):
    return [answer]


def torn(answer):
    return json.dumps(answer)[:-20]


DAMAGE = {
    older: "99 as",
    without_mark: "no answer of this `sac why`",
    without_cause: "lacks something (KeyError('why'))",
    no_object: "expected a JSON object, found",
    torn: "can't be read as an answer",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_answer_is_bad_input_that_teaches(tmp_path, capsys, damage):
    file = write_answer(tmp_path / "x") / "answer.json"
    changed = damage(json.loads(file.read_text()))
    file.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    assert main(["report", str(file), "-o", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert DAMAGE[damage] in error
    assert "`sac why --keep FOLDER -- …`, then `sac report FOLDER`" in error
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("nested", [False, True])
def test_a_folder_that_holds_runs_beside_an_answer_shows_both(report, tmp_path, nested):
    answer = write_answer(tmp_path / "x") / "answer.json"
    both = tmp_path / "both"
    write_run(both / "run" if nested else both)
    (both / "why").mkdir()
    (both / ("why/answer.json" if nested else "answer.json")).write_text(answer.read_text())
    page, markdown = report(both)
    for text in (page.text, markdown):
        assert "a space is sampled that nobody has seeded" in text
        assert "One run, " in text
