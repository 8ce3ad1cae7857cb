"""Comparing ledgers: the planted difference is found, and nothing beyond what the ledgers show is claimed."""

import dataclasses

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sac.ledger.channels import CHANNELS, FEEDBACK, INPUTS
from sac.ledger.comparison import LedgerComparison, NotComparable, compare
from sac.ledger.headers import ABSENT
from sac.ledger.likely_causes import CAUSES, usual_cause
from tests.unit.ledger.ledgers import CONFIG, EVALUATION, HEADER, STATE, ledger, plant, replace_line

EQUAL = {"equal": True, "compared_iterations": 10, "complete": True, "first": None, "notes": []}


def only(first):
    """The channel and the iteration of a divergence."""
    return first.iteration, first.channel


def test_tables_cover_every_channel_and_flow_one_way():
    assert set(INPUTS) == set(CAUSES) == set(CHANNELS)
    for channel, inputs in INPUTS.items():
        for name, lag in inputs:
            assert lag == 1 or (lag == 0 and CHANNELS.index(name) < CHANNELS.index(channel)), (channel, name)
    for channel, later in FEEDBACK.items():
        assert all(CHANNELS.index(name) > CHANNELS.index(channel) for name in later), channel


def test_equal_ledgers_are_equal():
    comparison = compare(ledger(), ledger(name="b"))
    everything = frozenset(("update", "evaluation"))
    assert comparison == LedgerComparison(10, None, complete=True, held=10, covered=everything)
    assert (comparison.text, comparison.verdict) == ("equal: 10 iterations compared", "")
    assert comparison.to_json() == EQUAL


@given(st.integers(0, 9), st.sets(st.sampled_from(CHANNELS), min_size=1), st.sets(st.integers(0, 9)), st.booleans())
def test_a_planted_difference_is_found_where_it_is(iteration, channels, later, swapped):
    other = plant(ledger(), iteration, *channels)
    for k in later:
        if k > iteration:
            other = plant(other, k, "env.seed")
    pair = (other, ledger()) if swapped else (ledger(), other)
    first = compare(*pair).first
    assert only(first) == (iteration, min(channels, key=CHANNELS.index))
    assert first.differing == tuple(sorted(channels, key=CHANNELS.index))
    assert first.global_step == 64 * iteration
    assert first.inputs_equal
    assert set(first.rivals) < channels


@given(st.integers(0, 9), st.sampled_from(CHANNELS), st.booleans())
def test_a_channel_that_one_side_lacks_is_a_divergence_unless_evaluations_differ(iteration, channel, swapped):
    pair = (ledger(), plant(ledger(), iteration, channel, value=None))
    comparison = compare(*(pair[::-1] if swapped else pair))
    if channel in EVALUATION:
        assert comparison.equal
    else:
        assert only(comparison.first) == (iteration, channel)
        assert (comparison.first.a, comparison.first.b).count(ABSENT) == 1
        assert f"{channel} is missing in the {'first' if swapped else 'second'} ledger" in comparison.text


@given(st.sets(st.integers(0, 9), min_size=1), st.sets(st.integers(0, 9), min_size=1))
def test_lines_are_aligned_by_iteration(ours, theirs):
    common = ours & theirs
    assume(common)
    a, b = ledger(sorted(ours)), ledger(sorted(theirs), "b")
    assert compare(a, b).compared_iterations == len(common)
    assert compare(a, b).equal
    target = max(common)
    assert only(compare(a, plant(b, target, "param.actor")).first) == (target, "param.actor")


def test_alignment_by_position_would_be_wrong():
    """Negative control: two ledgers of unlike cadence are equal, and their lines by position are not."""
    a, b = ledger(range(0, 10)), ledger(range(0, 10, 2), "b", ledger_freq=2)
    assert any(left != right for left, right in zip(a.lines, b.lines, strict=False))
    assert compare(a, b).equal


def test_a_shorter_run_is_equal_as_far_as_it_goes_and_that_is_said():
    comparison = compare(ledger(range(4)), ledger(range(10), "b", total_timesteps=1280))
    assert (comparison.equal, comparison.compared_iterations) == (True, 4)
    assert "a ends at iteration 3 (global step 192); 6 of the 10 lines of b have no counterpart" in comparison.text
    assert "total_timesteps is 640 and 1280; compared up to global step 192" in comparison.text


@pytest.mark.parametrize(
    ("other", "head"),
    [
        (ledger(range(4), "b"), "equal as far as both go: 4 of 10 iterations compared"),
        (ledger(range(0, 10, 2), "b"), "equal as far as both go: 5 of 10 iterations compared"),
        (
            dataclasses.replace(ledger(range(9), "b"), torn='{"it'),
            "equal as far as both go: 9 of 10 iterations compared",
        ),
        (dataclasses.replace(ledger(name="b"), torn='{"it'), "equal: 10 iterations compared"),
        (ledger(name="b", num_eval_envs=9), "equal: 10 iterations compared"),
        (plant(ledger(name="b"), 4, "eval.action", value=None), "equal: 10 iterations compared"),
    ],
)
def test_an_equality_of_less_than_all_says_so_in_its_first_line_and_to_scripts(other, head):
    for pair in ((ledger(), other), (other, ledger())):
        comparison = compare(*pair)
        assert comparison.text.splitlines()[0] == head
        found = comparison.to_json()
        assert (found["equal"], found["complete"]) == (True, False)
        assert found["notes"] == list(comparison.notes)


def test_a_torn_line_is_mentioned():
    comparison = compare(dataclasses.replace(ledger(), torn='{"it'), ledger())
    assert "a ends in an unfinished line" in comparison.text
    assert "a ends in an unfinished line" in comparison.to_json()["notes"][0]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ledger(range(10, 20)), "no iteration in common: a holds 10, from 0 to 9, a holds 10, from 10 to 19"),
        (ledger([]), "no iteration in common: .* a holds none"),
        (ledger(env_id="PushCube-v1"), "different tasks: env_id is Point-v1 in a and PushCube-v1"),
        (replace_line(ledger(), 2, global_step=7), "2 ends at global step 128 in a and at 7 in a"),
        (ledger(without=CHANNELS), "no channel in common"),
    ],
)
def test_what_can_not_be_compared_says_why(other, reason):
    with pytest.raises(NotComparable, match=reason):
        compare(ledger(), other)


def test_flags_that_differ_are_named_as_the_cause():
    text = compare(ledger(), plant(ledger(seed=2, exp_name="x", ledger_freq=1), 0, "env.seed")).text
    assert "likely cause: the runs weren't asked for the same: seed: 1 vs 2\n" in text
    assert "--total_timesteps=1 --vary seed=1,2`; it parts at the same place if nothing else is the cause" in text
    assert "--seed=" not in text


def test_a_command_that_cannot_show_the_difference_is_not_suggested():
    for one, other in (({"seed": "1,2"}, {"seed": 3}), ({"seed": "absent"}, {})):
        text = compare(ledger(**one), plant(ledger(**other), 3, "env.seed")).text
        assert "next: train both with the same flags" in text


def test_a_suggested_command_holds_all_flags_that_matter():
    config = {"gamma": 0.9, "overlap": True, "run_dir": "runs/x", "track": True, "utd": 0.5, "ledger_freq": 1}
    text = compare(ledger(**config), plant(ledger(**config), 3, "env.seed")).text
    assert text.endswith(
        "next: `sac twin --env_id=Point-v1 --num_envs=4 --numerics=fast --gamma=0.9 --overlap --total_timesteps=192`"
    )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "config", [{}, {"env_id": "PushCube-v1"}, {"env_id": "PushCube-v1", "sim_backend": "physx_cuda"}]
)
def test_what_the_headers_rule_out_is_no_likely_cause(channel, config):
    text = compare(ledger(**config), plant(ledger(**config), 3, channel)).text
    cause = next(row for row in text.splitlines() if "likely cause" in row)
    assert not any(words in cause for words in ("version", "instruction", "thread count", "{", "}")), cause
    assert ("on a GPU" in cause) <= ("sim_backend" in config)
    assert ("ManiSkill" in cause) <= ("env_id" in config)
    # Where the headers say nothing, all of it may be the cause.
    assert "version" in usual_cause("rollout.next_obs", config, same_machine=False).cause


def test_layout_flags_are_suspects_only_if_nothing_else_differs():
    text = compare(ledger(workers=1), plant(ledger(workers=2), 3, "rollout.obs")).text
    assert "workers: 1 vs 2: results mustn't depend on it" in text
    assert "--total_timesteps=192 --vary workers=1,2`" in text
    text = compare(ledger(workers=1), plant(ledger(workers=2, seed=3), 3, "rollout.obs")).text
    assert "workers" not in text[text.index("likely cause") : text.index("next:")]


def test_unlike_evaluations_are_not_compared_and_do_not_hide_a_divergence():
    other = plant(ledger(num_eval_envs=16), 0, *EVALUATION)
    assert compare(ledger(num_eval_envs=8), other).equal
    assert "evaluations are not compared, num_eval_envs is 8 and 16" in compare(ledger(num_eval_envs=8), other).text
    diverged = compare(ledger(num_eval_envs=8), plant(other, 5, "param.actor"))
    assert only(diverged.first) == (5, "param.actor")
    assert "num_eval_envs: 8 vs 16: results mustn't depend on it" in diverged.verdict


def test_inputs_that_did_not_flow_are_not_claimed():
    start = ledger(without=[channel for channel in CHANNELS if channel.startswith(("update.", "replay."))])
    text = compare(start, plant(start, 0, "param.actor")).text
    assert "inputs: none but the root seed and the flags" in text
    assert "--total_timesteps=1`" in text


def test_machines_that_differ_are_named_as_the_cause():
    other = plant(ledger(), 3, "update.critic_loss")
    header = {**HEADER, "fingerprint": {"threads": 1, "probe": {"mm": "bb"}}, "versions": {}}
    text = compare(ledger(), dataclasses.replace(other, header=header)).text
    assert "fingerprint.probe.mm: aa vs bb, fingerprint.threads: 2 vs 1, versions.torch: 2.13.0 vs absent" in text
    assert "next: `sac doctor` on both machines; equal bits on unlike CPUs need --numerics=portable" in text


def on_machines(a, b):
    """The verdict on two portable runs whose fingerprints are these."""
    pair = [
        dataclasses.replace(
            one, header={"config": {**CONFIG, "numerics": "portable"}, "fingerprint": fingerprint, "versions": {}}
        )
        for one, fingerprint in ((ledger(), a), (plant(ledger(), 3, "rollout.next_obs"), b))
    ]
    return compare(*pair).text


AMD = {"cpu": "AuthenticAMD/25", "probe": {"cpu.rcpps": "1", "simulator.contacts": "3"}}
INTEL = {"cpu": "GenuineIntel/6", "probe": {"cpu.rcpps": "2", "simulator.contacts": "3"}}


def test_portable_runs_on_unlike_cpus_are_told_what_else_differs():
    """The CPU's vendor may not matter to them: it is named, and is no excuse."""
    text = on_machines(AMD, INTEL)
    assert "fingerprint.cpu: AuthenticAMD/25 vs GenuineIntel/6" in text
    assert "results mustn't depend on it" in text
    assert "next: `sac doctor` on both machines; under --numerics=portable the CPU model must not matter" in text
    unlike = {**INTEL, "probe": {"cpu.rcpps": "2", "simulator.contacts": "4"}}
    text = on_machines(AMD, unlike)
    assert "weren't asked for the same: fingerprint.probe.simulator.contacts: 3 vs 4" in text
    assert "their simulators compute unlike each other" in text
    assert "need --numerics=portable" not in text


@pytest.mark.parametrize("overlap, named", [(False, False), (True, True)])
def test_a_flag_that_a_release_did_not_have_stands_at_its_default(overlap, named):
    text = compare(ledger(), plant(ledger(overlap=overlap), 3, "rollout.obs")).text
    assert ("overlap: False vs True" in text) == named
    assert ("--vary overlap=False,True" in text) == named
    assert "absent" not in text


@pytest.mark.parametrize("channel", CHANNELS)
def test_gaps_in_the_ledger_leave_inputs_unproven(channel):
    thin = range(0, 10, 2)
    first = compare(ledger(thin), plant(ledger(thin), 4, channel)).first
    carries = any(lag == 1 for _, lag in INPUTS[channel])
    assert first.inputs_equal is not carries
    assert ("--ledger_freq=1" in first.verdict) is carries


def test_state_that_no_line_covers_is_unproven():
    pair = [ledger(without=STATE) for _ in range(2)]
    assert compare(pair[0], plant(pair[1], 3, "rollout.obs")).first.inputs_equal
    first = compare(pair[0], plant(pair[1], 3, "rollout.action")).first
    assert first.inputs.unproven == ("param.actor of iteration 2",)


def test_the_first_line_of_a_late_ledger_proves_nothing():
    late = ledger(range(5, 10))
    first = compare(late, plant(late, 5, "param.actor")).first
    assert not first.inputs_equal
    assert "the ledger lacks what lies before its first line" in first.verdict


@pytest.mark.parametrize(
    ("channels", "rivals"),
    [
        (["rollout.obs", "rollout.next_obs"], []),  # every action is equal: it was the environments
        (["rollout.obs", "rollout.action", "rollout.next_obs"], ["rollout.action"]),
        (["rollout.action", "rollout.next_obs"], []),  # every observation is equal: it was the policy
        (["env.seed", "rollout.obs", "rollout.action"], []),  # no episode ended at another step
        (["env.seed", "rollout.action", "rollout.done"], ["rollout.action", "rollout.done"]),
        (["update.critic_loss", "param.critic", "eval.action"], ["param.critic"]),
        (["update.noise", "update.critic_loss", "param.critic"], []),
    ],
)
def test_channels_that_may_have_been_first_in_time_are_named(channels, rivals):
    first = compare(ledger(), plant(ledger(), 5, *channels)).first
    assert list(first.rivals) == rivals
    assert ("possibly earlier within the iteration" in first.verdict) is bool(rivals)
    assert ("--training_freq=4" in first.verdict) is (bool(rivals) and channels[0] == "rollout.obs")


def test_a_verdict_says_where_how_much_why_and_what_next():
    loss = 0.5 + 2**-24
    other = replace_line(plant(ledger(), 3, "update.critic_loss", "param.critic"), 3, values={"critic_loss": loss})
    assert compare(ledger(), other).first.verdict.splitlines() == [
        "diverged at iteration 3 (global step 192), channel update.critic_loss",
        "  digests: 0000000000000135 vs ffffffffffffffff",
        "  inputs: all equal: replay.batch, update.noise, " + ", ".join(f"{name} of iteration 2" for name in STATE),
        "  possibly earlier within the iteration: param.critic",
        "  how much: critic_loss 0.5 vs 0.5000000596046448 (1 ULP as float32)",
        "  differing at this iteration: update.critic_loss, param.critic",
        "  likely cause: stage 'learner': rounding: sums in no fixed order, by several threads or by a GPU kernel",
        "  next: `sac twin --env_id=Point-v1 --num_envs=4 --numerics=fast --total_timesteps=192`",
    ]


def test_values_that_differ_alone_are_noted_and_no_divergence():
    comparison = compare(ledger(), replace_line(ledger(), 3, values={"critic_loss": 7.0}))
    assert comparison.equal
    assert "at iteration 3 values differ though no digest does" in comparison.text


def test_a_difference_of_signed_zeros_is_shown_though_it_is_no_ulp():
    pair = [replace_line(ledger(), 3, values={"x": zero}) for zero in (0.0, -0.0)]
    assert "x 0.0 vs -0.0 (0 ULP as float32)" in compare(pair[0], plant(pair[1], 3, "param.actor")).text
