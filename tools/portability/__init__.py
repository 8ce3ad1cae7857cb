"""One ledger on unlike CPUs: `python -m tools.portability`, or one part of it."""
