"""The gate's own test: faults are planted as told, and the rates decide."""

import compileall
from pathlib import Path

import pytest

from sac.bench import calibrate
from sac.bench.calibrate import FAULTS, NOTHING, Trials, passes, planted, table
from sac.bench.errors import BenchError
from sac.bench.judge import BenchVerdict
from sac.bench.trees import Tree

HERE = Tree(Path(__file__).parents[3], "here")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_planted_in_a_copy_that_is_removed(name):
    before = (HERE.root / "sac" / "learner" / "factory.py").read_text()
    with planted(HERE, FAULTS[name], 7) as tree:
        source = (tree.root / "sac" / "learner" / "factory.py").read_text()
        assert source.startswith(before) and "range(7)" in source and FAULTS[name].work in source
        assert compileall.compile_file(tree.root / "sac" / "learner" / "factory.py", quiet=2)
        assert tree.revision == "here+planted"
    assert not tree.root.exists()
    assert (HERE.root / "sac" / "learner" / "factory.py").read_text() == before


def trials(fault, size, slower, passed, unclear=0):
    verdicts = [BenchVerdict.SLOWER] * slower + [BenchVerdict.WITHIN] * passed + [BenchVerdict.INCONCLUSIVE] * unclear
    count = len(verdicts)
    return Trials(fault, size, 10, verdicts, [size > 0] * count, [1 + size] * count, [9.0] * count, [2.0] * count)


# Alarms without a fault, detections of 20 % and of 5 %, out of 20 -> whether the gate passes its test.
RATES = {
    (0, 20, 0): True,
    (1, 19, 0): True,
    (2, 20, 0): False,
    (0, 18, 20): False,
}


@pytest.mark.parametrize("rates", RATES)
def test_the_gate_passes_its_own_test_by_its_rates(rates):
    alarms, large, small = rates
    kinds = [
        trials(NOTHING, 0.0, alarms, 20 - alarms),
        trials("item", 0.2, large, 20 - large),
        trials("item", 0.05, small, 20 - small),
    ]
    assert passes(kinds) is RATES[rates]


def test_the_table_shows_rates_and_the_load_they_were_measured_under():
    line = table([trials("item", 0.2, 17, 1, 2)]).splitlines()[-1]
    assert line == "| item | 20% | +20.0% | 17 of 20 | 2 of 20 | 1 of 20 | 20 of 20 | 9 | 2.0 |"


@pytest.mark.parametrize("text", ["", ",", "item,", "sleep"])
def test_faults_that_do_not_exist_are_told(text):
    with pytest.raises(BenchError, match=r"--faults .*: there are critic pass, item, copy of the batch"):
        calibrate._faults(text)


def test_another_size_of_a_fault_takes_work_in_proportion():
    kinds = [Trials("item", 0.05, 40), Trials("item", 0.20), Trials(NOTHING, 0.0)]
    for kind in kinds[1:]:
        calibrate._size(kind, kinds, HERE, None, None)
    assert [kind.units for kind in kinds] == [40, 160, 0]
