"""Whatever a file of a run holds, no command passes it on to a terminal, a page, a summary or a shell as it is."""

from __future__ import annotations

import base64
import json
import re
import shlex

import pytest

from sac.cli import main
from sac.untrusted.seal import sealed
from tests.unit.report.answers import SCRIPT, write_answer
from tests.unit.report.ledgers import FINGERPRINT, write_run
from tests.unit.report.reading import Reader

TEXTS = {
    "escape": "\x1b[2J\x1b]0;title\x07",
    "c1": "\x9b31m\x85",
    "direction": "\u202egnihton\u2066",
    "hidden": "a\u200bb\U000e0041",
    "lone surrogate": "\ud800",
    "another line": "x\nequal: 300 iterations compared",
    "return": "x\requal",
    "tag": "<img src=x onerror=alert(1)>",
    "backquotes": "``` `` ` <b>",
    "table": "a | b \\| c",
    "link": "[click](https://evil.example) @maintainer #12",
    "command": "$(touch pwn) `touch pwn` ; touch pwn",
}
_ACTING = ("\x00-\x08", "\x0b-\x1f", "\x7f-\x9f", "\u200b-\u200f", "\u202a-\u202e", "\u2060-\u2069", "\ud800-\udfff")
ACTS = re.compile(f"[{''.join(_ACTING)}\U000e0000-\U000e007f]")


def hostile_run(folder, text, **more):
    """A run with the text in its flags, its fingerprint, its versions, its values, its manifest."""
    fingerprint = {**FINGERPRINT, text: text, "cpu": text}
    write_run(folder, fingerprint=fingerprint, control_mode=text, exp_name=text, **more)
    manifest = json.loads((folder / "manifest.json").read_text())
    command = ["sac", "train", f"--env_id={text}", text]
    (folder / "manifest.json").write_text(json.dumps(sealed({**manifest, "git_revision": text, "command": command})))
    lines = (folder / "ledger.jsonl").read_text().replace('"reward": 0.5', f"{json.dumps(text)}: 0.5")
    (folder / "ledger.jsonl").write_text(lines)
    return folder


def require_tame(*texts):
    for text in texts:
        assert not ACTS.search(text), text
        text.encode("utf-8")


@pytest.mark.parametrize("kind", TEXTS)
def test_diff(tmp_path, capsys, kind):
    a, b = hostile_run(tmp_path / "a", TEXTS[kind]), write_run(tmp_path / "b", part_at=3, control_mode="x")
    for words in (["diff", a, b], ["diff", b, a], ["diff", "--json", a, b]):
        assert main(list(map(str, words))) == 1
        said = capsys.readouterr()
        require_tame(said.out, said.err)
        assert not [line for line in said.out.splitlines() if line.startswith("equal")]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_refusal_is_one_line_whatever_the_file_holds(tmp_path, capsys, kind):
    a, b = hostile_run(tmp_path / "a", TEXTS[kind], env_id=TEXTS[kind] + "v1"), write_run(tmp_path / "b")
    (tmp_path / "a" / "policy.pt").write_bytes(b"x")
    for words in (["diff", a, b], ["eval", a], ["train", "--resume", a], ["golden", "--dir", tmp_path, TEXTS[kind]]):
        assert main(list(map(str, words))) == 2
        said = capsys.readouterr()
        require_tame(said.out, said.err)
        assert said.err.count("\n") == 1, said.err


@pytest.mark.parametrize("twins", [True, False])
@pytest.mark.parametrize("kind", TEXTS)
def test_report(tmp_path, capsys, kind, twins):
    """Of runs that are meant to be equal, and of two settings, whose names and files hold the text too."""
    a, text = hostile_run(tmp_path / "a", TEXTS[kind]), TEXTS[kind]
    b = write_run(tmp_path / "b", part_at=3, control_mode=text if twins else "x")
    main(["report", str(a), str(b), "-o", str(tmp_path / "page.html"), "--markdown", "-"])
    said, page = capsys.readouterr(), (tmp_path / "page.html").read_text(encoding="utf-8")
    read = Reader(page)
    files = [link["href"].partition("base64,")[2] for link in read.having("a") if "download" in link]
    require_tame(said.out, said.err, page, *(base64.b64decode(file).decode("utf-8") for file in files))
    assert ("Ledgers of a and b" in read.text) == twins
    assert not read.having("img") and not read.having("b")
    require_no_markup(said.out)


def require_no_markup(markdown):
    """Outside of code nothing of the texts above is a tag, a link or a mention; blocks of code end where they begin."""
    begun, ended = (re.findall(pattern, markdown, re.MULTILINE) for pattern in ("^```+(?:text|console)$", "^```+$"))
    assert len(begun) == len(ended)
    outside = re.sub(r"^(````*)(?:text|console)\n.*?^\1$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    outside = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert not re.search(r"<[a-z]|(?<!\\)\]\(|@m|(?<!&)#12", outside), outside
    for row in re.findall(r"^\|.*", markdown, re.MULTILINE):
        assert row.endswith("|")


@pytest.mark.parametrize("kind", TEXTS)
def test_an_answer_of_why(tmp_path, capsys, kind):
    file = write_answer(tmp_path / "x", script=SCRIPT) / "answer.json"
    answer = json.loads(file.read_text())
    text = TEXTS[kind]
    answer["first"] |= {"title": text, "why": text, "fix": text, "what": text, "file": text}
    answer["command"], answer["notes"] = [text, "a b"], [text]
    answer["audit"][0] |= {"name": text, "file": text}
    file.write_text(json.dumps(sealed(answer)))
    capsys.readouterr()
    assert main(["report", str(file), "-o", str(tmp_path / "page.html"), "--markdown", "-"]) == 0
    said, page = capsys.readouterr(), (tmp_path / "page.html").read_text(encoding="utf-8")
    require_tame(said.out, said.err, page)
    assert not Reader(page).having("img")
    require_no_markup(said.out)


@pytest.mark.parametrize("kind", sorted(set(TEXTS) - {"lone surrogate"}))
def test_traces_of_why(tmp_path, capsys, kind):
    write_answer(tmp_path / "x")
    trace = tmp_path / "x" / "a.trace"
    hostile = json.dumps(TEXTS[kind])[1:-1]
    trace.write_text(trace.read_text().replace("Space.sample", hostile).replace("train.py", hostile))
    capsys.readouterr()
    assert main(["why", str(trace), str(tmp_path / "x" / "b.trace")]) in (1, 2)
    said = capsys.readouterr()
    require_tame(said.out, said.err)
    assert not [line for line in said.out.splitlines() if line.startswith("equal")]


@pytest.mark.parametrize("kind", sorted(set(TEXTS) - {"lone surrogate"}))
def test_commands_that_are_printed_are_the_words_of_the_run_folder(tmp_path, capsys, kind):
    name = TEXTS[kind].replace("/", "")
    (tmp_path / name).mkdir()
    (tmp_path / name / "manifest.json").write_text("{}")
    assert main(["train", "--env_id=Point-v1", f"--run_dir={tmp_path / name}"]) == 2
    said = capsys.readouterr().err
    require_tame(said)
    command = said.strip().partition("continue it: ")[2]
    if "$'" not in command:
        assert shlex.split(command) == ["sac", "train", "--resume", str(tmp_path / name)]


def test_verify(tmp_path, capsys):
    for kind, text in TEXTS.items():
        folder = write_run(tmp_path / kind)
        name = text.replace("/", "").replace("\ud800", "\udcff")
        (folder / name).write_bytes(b"x")
        assert main(["verify", str(folder)]) == 0
        said = capsys.readouterr()
        require_tame(said.out, said.err)
        assert said.out.count("\n") == 5
