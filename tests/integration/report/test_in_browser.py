"""The page in a real browser: what is seen at phone and desk width. Runs only where Chromium is installed."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from sac.report.answers import read_answer
from sac.report.html import page
from sac.report.model import make_report
from sac.report.runs import read_runs
from tests.unit.report.answers import SCRIPT, write_answer
from tests.unit.report.ledgers import FINGERPRINT, write_run
from tests.unit.report.seeds import write_seeds

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--window-size=1400,1000", "--virtual-time-budget=4000", "--dump-dom"),
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

WIDTHS = (390, 1280)
# The report stands in frames of the wanted widths: a window has a least width, a frame has none.
MEASURE = """
<pre id="measured"></pre>
<script>
addEventListener("load", () => {
  const measured = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const text = page.body.innerText;
    page.querySelectorAll("details").forEach(item => item.open = true);
    const first = [...page.querySelectorAll("table rect.s-first")].map(mark => {
      const box = mark.getBoundingClientRect();
      return {width: box.width, height: box.height, colour: getComputedStyle(mark).fill};
    });
    const small = [...page.querySelectorAll("main *")].filter(item => item.children.length === 0
      && item.textContent.trim() && parseFloat(getComputedStyle(item).fontSize) < 11).length;
    const code = [...page.querySelectorAll(".frame mark, .frame pre span")].map(line =>
      ({text: line.textContent, colour: getComputedStyle(line).backgroundColor}));
    code.sort((one, other) => other.text.startsWith(">") - one.text.startsWith(">"));
    measured[frame.width] = {code, scroll: root.scrollWidth, width: root.clientWidth, text, first, small,
      focusable: page.querySelectorAll("summary, [tabindex='0']").length};
  }
  document.getElementById("measured").textContent = JSON.stringify(measured);
});
</script>
"""


def measure(folder, shown):
    """What the browser measures of a page at each width, and what it logs."""
    content = html.escape(shown)
    frames = "".join(f'<iframe width="{width}" height="900" srcdoc="{content}"></iframe>' for width in WIDTHS)
    wrapper = folder / "wrapper.html"
    wrapper.write_text(f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{frames}{MEASURE}')
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder}/profile", wrapper.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="measured">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), done.stderr


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What is seen of two runs that part."""
    folder = tmp_path_factory.mktemp("browser")
    other = {**FINGERPRINT, "cpu": "GenuineIntel/6/143/8/Some Very Long Name Of A Processor @ 2.00GHz" * 2}
    runs = [write_run(folder / "first"), write_run(folder / "second", part_at=4, fingerprint=other)]
    return measure(folder, page(make_report(read_runs(runs))))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_has_to_be_scrolled_sideways(seen, width):
    measured = seen[0][str(width)]
    assert measured["scroll"] <= measured["width"] <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_the_verdict_is_read_first(seen, width):
    text = " ".join(seen[0][str(width)]["text"].split())
    assert text.startswith("Run report Point-v1 · first, second THEY PART first and second diverged at iteration 4")
    assert text.index("Likely cause") < text.index("How much") < text.index("Next") < text.index("Ledgers of")
    assert "The numbers as a table" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_divergence_is_one_mark_large_enough_to_see(seen, width):
    (mark,) = seen[0][str(width)]["first"]
    assert mark["width"] >= 4
    assert mark["height"] >= 12
    assert mark["colour"] not in ("rgb(0, 0, 0)", "none")


@pytest.mark.parametrize("width", WIDTHS)
def test_letters_are_large_enough_and_what_opens_is_reached_by_keyboard(seen, width):
    assert seen[0][str(width)]["small"] == 0
    assert seen[0][str(width)]["focusable"] >= 3


def test_the_console_is_silent(seen):
    assert not [line for line in seen[1].splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def seen_seeds(tmp_path_factory):
    """What is seen of seven settings with three seeds each."""
    folder = tmp_path_factory.mktemp("seeds")
    runs = [run for n in range(7) for run in write_seeds(folder / str(n), [0.1 * n, 0.1 * n + 0.2, 0.3], gamma=0.8 + n)]
    return measure(folder, page(make_report(read_runs(runs))))


@pytest.mark.parametrize("width", WIDTHS)
def test_of_seeds_what_was_learnt_is_read_first_and_what_hides_is_hidden(seen_seeds, width):
    text = " ".join(seen_seeds[0][str(width)]["text"].split())
    assert re.match("Run report Point-v1 · .+ and 13 more WHAT WAS LEARNT 7 experiments, 3 seeds each: highest", text)
    assert "over wall time" in text and "640 env steps" not in text
    assert "seconds of wall time" not in text, "one axis at a time"


@pytest.mark.parametrize("width", WIDTHS)
def test_seeds_need_no_scrolling_sideways_no_glasses_and_no_mouse(seen_seeds, width):
    measured = seen_seeds[0][str(width)]
    assert measured["scroll"] <= measured["width"] <= width
    assert measured["small"] == 0
    assert measured["focusable"] >= 3


def test_the_console_is_silent_about_seeds(seen_seeds):
    assert not [line for line in seen_seeds[1].splitlines() if "CONSOLE" in line]


LONG = "action = envs.action_space.sample()  # " + "a_name_that_is_long_and_has_no_space_in_it_" * 6


def page_of_an_answer(folder):
    script = SCRIPT.replace("action = envs.action_space.sample()", LONG)
    return page(make_report([], [read_answer(write_answer(folder / "x", script=script) / "answer.json")]))


@pytest.fixture(scope="module")
def seen_answer(tmp_path_factory):
    """What is seen of an answer of `sac why`."""
    folder = tmp_path_factory.mktemp("answer")
    return measure(folder, page_of_an_answer(folder))


@pytest.mark.parametrize("width", WIDTHS)
def test_an_answer_is_read_from_the_line_to_the_audit(seen_answer, width):
    text = " ".join(seen_answer[0][str(width)]["text"].split())
    assert text.startswith("Run report Asked why of sac why ")
    words = ("THEY PART train.py:5: a space", "> 5 | action = envs", "Why A gymnasium", "Fix Seed it", "Audit:")
    assert [text.index(word) for word in words] == sorted(text.index(word) for word in words)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_answer_needs_no_scrolling_sideways_and_no_glasses(seen_answer, width):
    measured = seen_answer[0][str(width)]
    assert measured["scroll"] <= measured["width"] <= width
    assert measured["small"] == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_line_that_matters_stands_out_from_the_code_around_it(seen_answer, width):
    marked, *others = seen_answer[0][str(width)]["code"]
    assert marked["text"].startswith(">")
    assert {one["colour"] for one in others} == {"rgba(0, 0, 0, 0)"} != {marked["colour"]}


def test_code_that_does_not_wrap_would_be_seen(tmp_path):
    spoilt = page_of_an_answer(tmp_path).replace("white-space:pre-wrap", "white-space:pre")
    spoilt = spoilt.replace("overflow-wrap:anywhere", "")
    phone = measure(tmp_path, spoilt)[0]["390"]
    assert phone["scroll"] > phone["width"]


def test_the_console_is_silent_about_an_answer(seen_answer):
    assert not [line for line in seen_answer[1].splitlines() if "CONSOLE" in line]
