"""Goldens that hold whatever happens."""

from tools.mutants.mutant import Mutant, Room

FILE = "sac/commands/golden.py"

ROOM = Room(
    "goldens",
    ("tests/unit/commands/test_golden.py",),
    (
        Mutant(
            "rewritten where it fails",
            FILE,
            "    if options.update or golden is None:\n",
            "    if options.update or golden is None or not compare(golden, fresh).equal:\n",
            "a golden that fails is replaced, and holds the next time",
        ),
        Mutant(
            "passes without twins",
            FILE,
            "    if twin.equal:\n",
            "    if twin is not None:\n",
            "another fingerprint passes, whatever the runs are",
        ),
        Mutant(
            "twins that never differ",
            FILE,
            "twin = compare(fresh, read_ledger(again))",
            "twin = compare(fresh, fresh)",
            "the run is compared with itself",
        ),
        Mutant(
            "twins with the same fingerprint",
            FILE,
            "    if not drift:\n        return Outcome(name, False",
            "    if drift is None:\n        return Outcome(name, False",
            "a run that differs passes because another differs like it",
        ),
        Mutant(
            "stale goldens pass",
            FILE,
            "    if _is_stale(golden, fresh):\n",
            "    if strict and _is_stale(golden, fresh):\n",
            "a golden whose fingerprint's names have changed checks nothing any more",
        ),
        Mutant(
            "no golden applies in CI",
            FILE,
            'if os.environ.get("CI", "").lower() in ("1", "true") and',
            'if os.environ.get("CI", "").lower() in () and',
            "in continuous integration goldens that do not apply pass in silence",
        ),
        Mutant(
            "less is enough",
            FILE,
            "    if coverage is not None:\n",
            "    if coverage is not None and strict:\n",
            "a run that records less than its golden passes",
        ),
        Mutant(
            "strict is not",
            FILE,
            "    if strict:\n        return",
            "    if strict and not drift:\n        return",
            "under --strict another fingerprint passes",
        ),
    ),
    trained=False,
)
