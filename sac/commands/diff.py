"""`sac diff A B`: compares two run folders or ledgers."""

import json
from collections.abc import Sequence

from sac.commands.exit_status import BAD_INPUT, DIVERGED, OK
from sac.display.terminal import refuse, say
from sac.ledger.comparison import NotComparable, compare
from sac.ledger.coverage import lacking
from sac.ledger.file import LedgerError, open_ledger


def diff_command(a: str, b: str, as_json: bool, required: Sequence[str] = ()) -> int:
    """Print how two ledgers compare, and return the exit status; print only an error if they can't be compared.

    Args:
        a: a run folder, or a ledger file.
        b: another one.
        as_json: print one JSON object instead of the text.
        required: what must have been compared, see `sac.ledger.coverage.REQUIRED`.
    """
    try:
        comparison = compare(open_ledger(a), open_ledger(b))
    except (LedgerError, NotComparable) as error:
        refuse("sac diff: not comparable", error)
        return BAD_INPUT
    say(json.dumps(comparison.to_json()) if as_json else comparison.text)
    lack = lacking(comparison.covered, required) if comparison.equal else ""
    if lack:
        refuse("sac diff", lack)
        return BAD_INPUT
    return OK if comparison.equal else DIVERGED
