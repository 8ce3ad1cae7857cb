"""What is known of a first difference stands in fields, and everything that is said of it is said from them."""

from __future__ import annotations

import dataclasses

import pytest

from sac.ledger.comparison import compare
from sac.ledger.divergence import LedgerDivergence
from sac.ledger.ulps import Ulps
from tests.unit.ledger.ledgers import HEADER, ledger, plant, replace_line

MARKS = "00000001" * 8
"""Of two environments over eight steps."""
UNLIKE = MARKS[:24] + "ffff" + MARKS[28:]


def first(a, b) -> LedgerDivergence:
    found = compare(a, b).first
    assert found is not None
    return found


def test_place_channel_and_digests_are_fields():
    found = first(ledger(), plant(ledger(), 3, "rollout.action", "rollout.next_obs"))
    assert (found.iteration, found.global_step, found.channel) == (3, 192, "rollout.action")
    assert (found.a, found.b) == (ledger().lines[3].digests["rollout.action"], "f" * 16)
    assert found.differing == ("rollout.action", "rollout.next_obs")
    assert (found.environment, found.env_step) == (None, None)


def test_marks_give_environment_and_env_step():
    a, b = (
        replace_line(one, 3, steps={"rollout.action": marks})
        for one, marks in ((ledger(num_envs=2), MARKS), (plant(ledger(num_envs=2), 3, "rollout.action"), UNLIKE))
    )
    found = first(a, b)
    assert (found.environment, found.env_step) == (0, 3)
    assert found.headline.endswith("channel rollout.action, environment 0 at env step 3 of the iteration")
    assert found.rivals == ()


def test_values_that_differ_have_a_distance():
    other = replace_line(plant(ledger(), 3, "update.critic_loss"), 3, values={"critic_loss": 0.5 + 2**-24})
    (value,) = first(ledger(), other).values
    assert (value.name, value.a, value.b, value.ulps) == ("critic_loss", 0.5, 0.5 + 2**-24, Ulps(1, "float32"))


def test_a_value_that_is_no_number_has_no_distance():
    (value,) = first(
        ledger(), replace_line(plant(ledger(), 3, "param.actor"), 3, values={"reward": float("nan")})
    ).values
    assert value.ulps is None and value.text == "reward 0.25 vs nan"


def elsewhere(one):
    return dataclasses.replace(one, header={**HEADER, "fingerprint": {"threads": 1}})


# The second ledger -> kind of the cause, entries that it names, words of the next command.
PLANTED = {
    "nothing else": (plant(ledger(), 3, "rollout.obs"), "stage", [], ("sac", "twin")),
    "a flag": (plant(ledger(gamma=0.5), 3, "rollout.obs"), "asked", ["gamma"], ("sac", "twin")),
    "layout": (plant(ledger(workers=2), 3, "rollout.obs"), "harmless", ["workers"], ("sac", "twin")),
    "a missing channel": (plant(ledger(), 3, "rollout.obs", value=None), "program", [], ("sac", "twin")),
    "another machine": (
        elsewhere(plant(ledger(), 3, "rollout.obs")),
        "asked",
        ["fingerprint.probe.mm", "fingerprint.threads"],
        ("sac", "doctor"),
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_cause_and_next_command_are_fields(planted):
    other, kind, names, command = PLANTED[planted]
    found = first(ledger(), other)
    assert (found.cause.kind, found.cause.stage) == (kind, "environments")
    assert [difference.name for difference in found.cause.differences] == names
    assert found.next.command[:2] == command
    assert ("--vary" in found.next.command) == (names in (["gamma"], ["workers"]))


@pytest.mark.parametrize("planted", PLANTED)
def test_the_verdict_says_what_the_fields_hold(planted):
    found = first(ledger(), PLANTED[planted][0])
    lines = found.verdict.splitlines()
    assert lines[0] == found.headline
    assert lines[1:] == [f"  {name}: {text}" for name, text in found.details.items()]
    assert found.details["likely cause"] == found.cause.text and found.details["next"] == found.next.text
