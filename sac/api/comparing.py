"""`sac.compare`: do two runs have the same bits, and where do they part first?"""

from __future__ import annotations

from os import PathLike, fspath

from sac.api.runs import Run
from sac.ledger.comparison import LedgerComparison
from sac.ledger.comparison import compare as compare_ledgers
from sac.ledger.file import open_ledger


def compare(a: Run | str | PathLike[str], b: Run | str | PathLike[str]) -> LedgerComparison:
    """Compare two runs by their ledgers, as `sac diff` does.

    Args:
        a: a run, its folder, or its ledger.
        b: another one.

    Returns:
        What was found: `equal`, `first` (the first difference), `compared_iterations`, `text` for people, `to_json()`.

    Raises:
        LedgerError: there is no ledger, or it can't be read.
        NotComparable: the two are of unlike tasks, or hold nothing in common.
    """
    left, right = (open_ledger(one.root if isinstance(one, Run) else fspath(one)) for one in (a, b))
    return compare_ledgers(left, right)
