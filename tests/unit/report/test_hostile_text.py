"""Whatever a run, a script or a benchmark is called, it is text on the page: neither markup nor a template."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET

import pytest

from sac.bench.judge import BenchVerdict
from sac.report import html
from sac.report.answers import read_answer
from sac.report.benches import read_benches
from sac.report.model import make_report
from sac.report.runs import read_runs
from tests.unit.report.answers import SCRIPT, write_answer
from tests.unit.report.ledgers import FINGERPRINT, write_run
from tests.unit.report.reading import Reader
from tests.unit.report.seeds import write_seed
from tests.unit.report.test_benches import comparison

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end of style": "</style></title><script>x",
    "attribute, double": '" onmouseover="alert(1)',
    "attribute, single": "' onmouseover='alert(1)",
    "image": "<img src=x onerror=alert(1)>",
    "entity": "&lt;b&gt; &amp;",
    "expression": "{{ 7919 * 7907 }}",
    "statement": "{% include 'style.css' %}",
    "comment": "{# gone #}<!-- gone",
    "code": "`<i>` `{{ 7919 * 7907 }}",
}
SHAPES = {"svg", "title", "style", "rect", "text", "line", "path"}
TAGS = {"script", "img", "i", "iframe"}


def runs_page(folder, text):
    """Two runs with the text wherever a run can have one."""
    other = {**FINGERPRINT, text: text, "cpu": text}
    write_run(folder / text, env_id=text, exp_name=text, control_mode=text)
    write_run(folder / "b", env_id=text, control_mode=text, part_at=2, fingerprint=other)
    for run in (folder / text, folder / "b"):
        manifest = json.loads((run / "manifest.json").read_text())
        command = ["sac", "train", f"--env_id={text}"]
        (run / "manifest.json").write_text(json.dumps({**manifest, "git_revision": text, "command": command}))
    return html.page(make_report(read_runs([folder / text, folder / "b"])))


def seeds_page(folder, text):
    """Two settings of two seeds with the text wherever they can have one."""
    runs = [
        write_seed(folder / f"{text}{seed}{name}", seed, [0.1 * seed, 0.5], control_mode=name, env_id=text)
        for seed in (1, 2)
        for name in ("plain", text)
    ]
    changed = write_seed(folder / "c", 1, [0.0], changed={"kind": text}, control_mode=text, env_id=text)
    return html.page(make_report(read_runs([*runs, changed])))


def answer_page(folder, text):
    """An answer of `sac why` with the text in script, headline, details, link and audit."""
    line = "action = envs.action_space.sample()"
    file = write_answer(folder / "x", script=SCRIPT.replace(line, f"{line}  # {text}")) / "answer.json"
    answer = json.loads(file.read_text())
    answer["first"] |= {"title": text, "why": text, "link": f"https://{text}", "link_label": "docs"}
    answer["command"] = [text]
    answer["audit"][0] |= {"name": text, "file": text}
    file.write_text(json.dumps(answer))
    return html.page(make_report([], [read_answer(file)]))


def speed_page(folder, text):
    """A comparison with the text as name, note and revision."""
    (folder / "speed.json").write_text(comparison(text, "b", **{text: 1.2, "x" + text: BenchVerdict.FAILED}))
    return html.page(make_report([], benches=read_benches([str(folder / "speed.json")])))


PAGES = [runs_page, seeds_page, answer_page, speed_page]


def faults(page, text) -> list[str]:
    """What the text did to a page."""
    read = Reader(page)
    found = [f"<{tag}>" for tag, _ in read.tags if tag in TAGS]
    found += [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    shown = " ".join(text.split())
    return found + ([] if shown in read.text or "`" in text else ["it is not shown as it is"])


@pytest.mark.parametrize("make", PAGES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_stays_text(tmp_path, make, kind):
    # No folder's name can hold a slash.
    text = HOSTILE[kind].replace("/", "") if make in (runs_page, seeds_page) else HOSTILE[kind]
    page = make(tmp_path, text)
    assert faults(page, text) == []
    assert str(7919 * 7907) not in Reader(page).text


@pytest.mark.parametrize(
    ("make", "kind"),
    [*((make, "image") for make in PAGES), (runs_page, "attribute, double"), (answer_page, "attribute, double")],
)
def test_without_escaping_it_would_be_seen(tmp_path, monkeypatch, make, kind):
    """Negative control."""
    loose = html._environment().overlay(autoescape=False)
    monkeypatch.setattr(html, "_environment", lambda: loose)
    try:
        found = faults(make(tmp_path, HOSTILE[kind]), HOSTILE[kind])
    except AssertionError as error:
        # The reader itself refuses tags that are closed in disorder.
        found = [str(error)]
    assert found


@pytest.mark.parametrize("kind", HOSTILE)
def test_in_pictures_that_stand_alone_it_stays_text_too(tmp_path, kind):
    text = HOSTILE[kind].replace("/", "")
    links = [
        link for link in Reader(seeds_page(tmp_path, text)).having("a") if link.get("download", "").endswith("svg")
    ]
    assert len(links) == 12
    for link in links:
        root = ET.fromstring(base64.b64decode(link["href"].partition("base64,")[2]))
        assert {element.tag.partition("}")[2] for element in root.iter()} <= SHAPES
        assert any(f"control_mode={text}" in (element.text or "") for element in root.iter())


def test_a_browser_is_told_to_run_and_load_nothing(tmp_path):
    page = Reader(runs_page(tmp_path, "plain"))
    (policy,) = [meta["content"] for meta in page.having("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_a_name_that_no_template_gets_is_an_error(monkeypatch):
    """A misspelt name must not become an empty place on the page."""
    template = html._environment().from_string("{{ reprot }}")
    with pytest.raises(Exception, match="'reprot' is undefined"):
        template.render(report="x")
