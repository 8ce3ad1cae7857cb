"""Tables that other programs read back."""

import csv
import io
import math

from sac.statistics.tables import Interval, Table, to_csv, to_latex, to_markdown

TABLE = Table(
    "some",
    "50% of a_b",
    ("name", "value"),
    (("gamma=0.8|x<y", Interval(0.25, 0.125, 0.5)), ("b_c & 100%", Interval(1 / 3, math.nan, math.nan))),
)


def test_csv_keeps_all_digits_and_gives_an_interval_three_columns():
    head, first, second = csv.reader(io.StringIO(to_csv(TABLE)))
    assert head == ["name", "value", "value low", "value high"]
    assert first == ["gamma=0.8|x<y", "0.25", "0.125", "0.5"]
    assert second == ["b_c & 100%", str(1 / 3), "", ""]


def test_markdown_keeps_its_columns_whatever_a_name_holds():
    line = to_markdown(TABLE).splitlines()[-2]
    assert line == "| gamma=0.8&#124;x&lt;y | 0.25 (0.125 to 0.5) |"


def test_latex_takes_no_character_of_a_name_for_a_command():
    text = to_latex(TABLE)
    assert r"b\_c \& 100\% & 0.333 \\" in text
    assert r"\caption{50\% of a\_b}" in text
