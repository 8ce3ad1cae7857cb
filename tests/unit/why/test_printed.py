"""What must differ between two runs is masked in what they print; results never are."""

from __future__ import annotations

import pytest

from sac.why.printed import Own, first_unlike
from sac.why.tracer.masks import Table, masked

ALIKE = [
    ("epoch 3 loss 0.25 SPS 74", "epoch 3 loss 0.25 SPS 75"),
    ("|    fps             | 1234     |", "|    fps             | 98     |"),
    ("|    time_elapsed    | 0   |", "|    time_elapsed    | 12   |"),
    ("{'time': 0.3, 'loss': 0.25}", "{'time': 1.75, 'loss': 0.25}"),
    ("charts/SPS: 17 charts/loss: 4", "charts/SPS: 18 charts/loss: 4"),
    ("return 200.0 in 3.2s", "return 200.0 in 13.7s"),
    ("took 1.25 seconds", "took 0.5 seconds"),
    ("done in 0.0627", "done in 0.0746"),
    ("trained after 12.50, saved", "trained after 9.75, saved"),
    ("5 steps, 3.2 ms", "5 steps, 17 ms"),
    ("Elapsed time (s): 3.25", "Elapsed time (s): 4"),
    ("saved to runs/CartPole__exp__1__1764095699/model.pt", "saved to runs/CartPole__exp__1__1764095703/model.pt"),
    ("2026-11-25 18:34:59,123 INFO loss=3", "2026-12-28 23:52:12,001 INFO loss=3"),
    ("Wed Nov 25 18:43:49 2026", "Mon Dec 28 23:01:02 2026"),
    ("W1125 19:12:45.123000 32666 torch/run.py:874] x", "W1229 00:30:01.481000 32669 torch/run.py:874] x"),
    ("<Net object at 0x7f12ab340000>", "<Net object at 0x7ffe00120000>"),
    ("run 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "run 6ba7b811-9dad-11d1-80b4-00c04fd430c9"),
    ("worker pid 4711 is up", "worker pid 4712 is up"),
    ("peak 123.4 MiB", "peak 124 MiB"),
    (
        " 9%|█ | 9/100 [00:01<00:09, 9.2it/s]\r100%|██| 100/100 [00:09<00:00, 11.1it/s]",
        "100%|██| 100/100 [00:08<00:00, 12it/s]",
    ),
]
ALIKE += [
    (" 9%|█  | 9/100 [00:01<00:09, 9.2it/s]2026-11-25 18:34:59,123 INFO loss=3", "2026-11-25 18:34:59,123 INFO loss=3"),
    ("\r  0%|   | 0/9 [00:00<?, ?it/s]\nloss 1", "loss 1"),
]
ALIKE += [
    ("| 5/7 batches | ms/batch 46.65 | loss 5.26", "| 5/7 batches | ms/batch 63.76 | loss 5.26"),
    ("s/it=0.25, loss=3", "s/it=0.5, loss=3"),
    ("time/training: 0.8281135559082031", "time/training: 1.9396305084228516"),
    ("time/total 4.25 loss 3", "time/total 8.5 loss 3"),
    ("{'timing/rollout': 0.25, 'loss': 3}", "{'timing/rollout': 0.5, 'loss': 3}"),
    ("time/step: 12, loss 3", "time/step: 17, loss 3"),
    ("tokens/sec: 1234 loss 3", "tokens/sec: 987 loss 3"),
    ("ms per update 12.5", "ms per update 17.5"),
    ("12.5 ms/batch", "17.5 ms/batch"),
    ("3 samples, 0.5 s/sample", "3 samples, 0.75 s/sample"),
]
UNLIKE = [
    ("ms/batch 46.65 loss 5.26", "ms/batch 46.65 loss 5.27"),
    ("time/loss 0.5", "time/loss 0.75"),
    ("return -753.1796024510", "return -753.1796024511"),
    ("reward per step 0.5", "reward per step 0.75"),
    ("wins/step 3", "wins/step 4"),
    (" 9%|█  | 9/100 [00:01<00:09, 9.2it/s]loss 1", " 9%|█  | 9/100 [00:01<00:09, 9.2it/s]loss 2"),
    ("100%|██| 9/9 [00:01<00:00, 9.2it/s, loss=0.25]", "100%|██| 9/9 [00:01<00:00, 9.2it/s, loss=0.5]"),
    ("score 0.93", "score 0.86"),
    ("done in 300 episodes", "done in 301 episodes"),
    ("finished after 12.5 epochs", "finished after 13.0 epochs"),
    ("loss 0.123 SPS 74", "loss 0.124 SPS 74"),
    ("time 3.2 loss 0.5", "time 3.2 loss 0.75"),
    ("step 3/10 reward -1", "step 3/10 reward -2"),
    ("total_timesteps 1000", "total_timesteps 1001"),
    ("return 200.0 in 3.2s", "return 201.0 in 3.2s"),
    ("accuracy: 93%", "accuracy: 86%"),
    ("{'time': 0.3, 'loss': 0.25}", "{'time': 0.3, 'loss': 0.26}"),
    ("-4611686018427387904", "4611686018427387903"),
    ("train/loss 0.1", "train/loss 0.2"),
    ("one", "one\ntwo"),
]


@pytest.mark.parametrize("a, b", ALIKE)
def test_when_and_where_and_how_fast_a_run_was_is_masked(a, b):
    assert first_unlike(f"start\n{a}\n", f"start\n{b}\n") is None


@pytest.mark.parametrize("a, b", UNLIKE)
def test_results_are_never_masked(a, b):
    found = first_unlike(f"start\n{a}\n", f"start\n{b}\n")
    assert found is not None
    assert found.line == 2 + ("\n" in b)


def test_lines_of_several_processes_come_in_any_order():
    a, b = "rank 0 loss 1\nrank 1 loss 2\n", "rank 1 loss 2\nrank 0 loss 1\n"
    assert first_unlike(a, b, ordered=False) is None
    assert first_unlike(a, b) == (1, "rank 0 loss 1", "rank 1 loss 2")
    assert first_unlike(a, b.replace("loss 2", "loss 3"), ordered=False) == (2, "rank 1 loss 2", "rank 1 loss 3")


def test_a_mask_says_what_it_stands_for():
    assert masked("took 3.2 s, at 12:30") == "took <amount> s, at <time>"


@pytest.mark.parametrize(
    "head", ["step,time,loss", "step;wall_time;loss", "step\ttime_elapsed (s)\tloss", '"step","time","loss"']
)
def test_the_columns_of_times_in_a_table_are_masked(head):
    table = Table(head)
    mark = next(one for one in ",;\t" if one in head)
    lines = [table.without_times(mark.join(cells)) for cells in (("1", "0.5", "0.25"), ("1", "17.5", "0.25"))]
    assert lines[0] == lines[1] == mark.join(("1", "<time>", "0.25"))


def test_a_text_that_is_no_table_stays_whole():
    assert Table("time is short").without_times("time is 3") == "time is 3"
    assert Table("step,steps_total").without_times("1,2") == "1,2"


def test_the_head_of_a_log_line_is_masked_whatever_is_known_of_its_process():
    a, b = "W1125 19:12:45.123000 4711 torch/run.py:874] x", "W1229 00:30:01.481000 4712 torch/run.py:874] x"
    assert first_unlike(a, b, own=(Own(numbers=(4711,)), Own(numbers=(4712,)))) is None


def names(*pairs: tuple[str, str]) -> tuple[Own, Own]:
    """Return what two runs got by `{run}`: option and pattern of each."""
    first, second = ([[option, value.replace("#", run)] for option, value in pairs] for run in "12")
    return Own(names=first), Own(names=second)


NAMED = [
    ("out-dir", "out-#", "{'out_dir': 'out-1', 'seed': 1}", "{'out_dir': 'out-2', 'seed': 1}"),
    ("", "out-#", "Overriding: place = out-1", "Overriding: place = out-2"),
    ("exp", "try#", "run try1_seed1 begins", "run try2_seed1 begins"),
    ("exp-name", "#", "Namespace(exp_name='1', seed=1)", "Namespace(exp_name='2', seed=1)"),
    ("exp_name", "#", "exp-name: 1", "exp-name: 2"),
]
RESULTS = [
    ("exp", "#", "wins 1", "wins 2"),
    ("", "#", "exp 1", "exp 2"),
    ("exp", "#", "exp 1.5", "exp 2.5"),
    ("out", "out-#", "out-1 score 3", "out-2 score 4"),
    ("out", "out-#", "out-10", "out-20"),
]


@pytest.mark.parametrize(("option", "value", "a", "b"), NAMED)
def test_the_name_that_the_command_gave_to_a_run_is_masked(option, value, a, b):
    assert first_unlike(a, b, own=names((option, value))) is None
    assert first_unlike(a, b) is not None


@pytest.mark.parametrize(("option", "value", "a", "b"), RESULTS)
def test_what_only_looks_like_the_name_of_a_run_is_a_result(option, value, a, b):
    assert first_unlike(a, b, own=names((option, value))) is not None
