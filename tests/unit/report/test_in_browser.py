"""The page in a real browser: what is seen at phone and desk width. Runs only where Chromium is installed."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess

import pytest

from sac.report.html import page
from sac.report.model import make_report
from sac.report.runs import read_runs
from tests.unit.report.ledgers import FINGERPRINT, write_run

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
    measured[frame.width] = {scroll: root.scrollWidth, width: root.clientWidth, text, first, small,
      focusable: page.querySelectorAll("summary, [tabindex='0']").length};
  }
  document.getElementById("measured").textContent = JSON.stringify(measured);
});
</script>
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the browser measured at each width, and what it logged."""
    folder = tmp_path_factory.mktemp("browser")
    other = {**FINGERPRINT, "cpu": "GenuineIntel/6/143/8/Some Very Long Name Of A Processor @ 2.00GHz" * 2}
    runs = [write_run(folder / "first"), write_run(folder / "second", part_at=4, fingerprint=other)]
    content = html.escape(page(make_report(read_runs(runs))))
    frames = "".join(f'<iframe width="{width}" height="900" srcdoc="{content}"></iframe>' for width in WIDTHS)
    wrapper = folder / "wrapper.html"
    wrapper.write_text(f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{frames}{MEASURE}')
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder}/profile", wrapper.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="measured">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), done.stderr


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
