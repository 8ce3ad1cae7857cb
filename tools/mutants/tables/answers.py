"""Verdicts and exit statuses: twins, benchmarks, and `sac why`."""

from tools.mutants.mutant import Mutant, Room

JUDGE = "sac/bench/judge.py"
WHY = "sac/why/compare.py"

ROOM = Room(
    "answers",
    ("tests/unit/bench", "tests/unit/commands/test_diff.py", "tests/unit/commands/test_twin.py", "tests/unit/why"),
    (
        Mutant(
            "differing is no error",
            "sac/commands/diff.py",
            "return OK if comparison.equal else DIVERGED",
            "return OK if comparison.equal or as_json else DIVERGED",
            "`sac diff --json` ends with 0 where runs differ",
        ),
        Mutant(
            "the last twin decides",
            "sac/commands/twin.py",
            "        worst = max(worst, status)\n",
            "        worst = status\n",
            "of several twins only the last one counts",
        ),
        Mutant(
            "half a slowdown",
            JUDGE,
            "    if found.low > 1 + threshold:\n",
            "    if found.low > 1 + 2 * threshold:\n",
            "a slowdown beyond the threshold is open",
        ),
        Mutant(
            "no pair is too few",
            JUDGE,
            "    if rounds < MINIMUM_ROUNDS:\n",
            "    if rounds < 0 * MINIMUM_ROUNDS:\n",
            "a verdict on too few rounds",
        ),
        Mutant(
            "counters may rise",
            JUDGE,
            "head[name] > base[name]}",
            "head[name] > 2 * base[name]}",
            "one operation more goes unseen",
        ),
        Mutant(
            "nothing compared is no slowdown",
            JUDGE,
            "    if not COMPARED & set(found):\n        return ERROR\n",
            "",
            "a benchmark that compared nothing passes",
        ),
        Mutant(
            "ratio upside down",
            JUDGE,
            "times[:, :, 1].mean(axis=-1) - times[:, :, 0].mean(axis=-1)",
            "times[:, :, 0].mean(axis=-1) - times[:, :, 1].mean(axis=-1)",
            "slower is called faster",
        ),
        Mutant(
            "the last parting of all processes",
            WHY,
            "    first = min((one for one in found if one is not None)",
            "    first = max((one for one in found if one is not None)",
            "of several processes that part the last one is named",
        ),
        Mutant(
            "the last differing event",
            WHY,
            "differing = next((pair for pair in pairs if pair.differs), None)",
            "differing = next((pair for pair in reversed(pairs) if pair.differs), None)",
            "where two processes part is named too late",
        ),
    ),
    trained=False,
)
