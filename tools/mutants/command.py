"""`python -m tools.mutants [--room NAME] [--name TEXT] [--sample N] [--jobs N]`: plant faults, see what catches them.

Each mutant is planted in a copy of the tree. The tests of its room run first, then the gate without goldens, then the
goldens. A mutant that survives, or that the goldens alone see, fails the session: strengthen the gate, not the mutant.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import queue
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.mutants import ledgers
from tools.mutants.checks import Catch, caught
from tools.mutants.mutant import Mutant, Room
from tools.mutants.tables import ROOMS
from tools.mutants.tree import ROOT, Tree

QUICK = frozenset(
    ("streams", "rollout", "replay", "digests", "ledger channels", "ledger comparison", "goldens", "checkpoint")
)
"""Rooms whose tests take seconds: a sample is drawn from these."""


@dataclass(frozen=True)
class Result:
    """What became of one mutant.

    Attributes:
        room: its room's name.
        mutant: it.
        catch: what caught it.
        channel: the first channel that differs; None where none was looked for.
    """

    room: str
    mutant: Mutant
    catch: Catch
    channel: str | None

    @property
    def as_expected(self) -> bool:
        """Whether it shows at the channel that the table says."""
        return self.channel is None or self.channel == (self.mutant.channel or ledgers.EQUAL)

    @property
    def line(self) -> str:
        """What there is to say of it, in one line."""
        catch, expected = self.catch, self.mutant.channel or ledgers.EQUAL
        said = f"{catch.stage:12}{catch.test}" if catch.stage else "SURVIVED"
        channel = "" if self.channel is None else f"  {self.channel}"
        channel += "" if self.as_expected else f" (EXPECTED {expected})"
        return f"{self.room:18} {self.mutant.name:38} {catch.seconds:6.1f} s  {said}{channel}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0: all are caught, and shown where they must be; 1: not all."""
    options = _parser().parse_args(arguments)
    chosen = _chosen(options)
    start = time.monotonic()
    results = []
    for result in _results(chosen, options):
        print(result.line, flush=True)
        results.append(result)
    if options.output:
        rows = [{**asdict(result), "as_expected": result.as_expected} for result in results]
        Path(options.output).write_text(json.dumps(rows, indent=1) + "\n")
    return _summary(results, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--room", action="append", default=[], choices=[room.name for room in ROOMS])
    parser.add_argument("--name", action="append", default=[], help="only mutants whose names hold this text")
    parser.add_argument("--sample", type=int, help="only so many of the quick rooms, chosen by what the tables hold")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at the same time (default %(default)s)")
    parser.add_argument("--rooms-alone", action="store_true", help="run the tests of each mutant's room and no others")
    parser.add_argument("--no-ledgers", action="store_true", help="do not train to see at which channel each shows")
    parser.add_argument("--output", help="write the results there, as JSON")
    return parser


def _chosen(options: argparse.Namespace) -> list[tuple[Room, Mutant]]:
    """Return the mutants that are asked for, with their rooms."""
    found = [
        (room, mutant)
        for room in ROOMS
        for mutant in room.mutants
        if (not options.room or room.name in options.room)
        and (not options.name or any(text in mutant.name for text in options.name))
    ]
    if options.sample is None:
        return found
    quick = [(room, mutant) for room, mutant in found if room.name in QUICK and not mutant.tests]
    return sorted(quick, key=lambda entry: _lot(entry[1]))[: options.sample]


def _lot(mutant: Mutant) -> str:
    """A mutant's place in the draw: it changes with the code that the mutant edits, and with nothing else."""
    content = (ROOT / mutant.file).read_bytes()
    return hashlib.blake2b(mutant.name.encode() + content, digest_size=8).hexdigest()


def _results(chosen: Sequence[tuple[Room, Mutant]], options: argparse.Namespace) -> Iterator[Result]:
    for _, mutant in chosen:
        mutant.check(ROOT)
    with tempfile.TemporaryDirectory(prefix="sac-mutants-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        trees: queue.Queue[Tree] = queue.Queue()
        for number in range(options.jobs):
            trees.put(Tree(folder / f"tree-{number}"))
        reference = ledgers.Reference(ROOT, folder)
        with ThreadPoolExecutor(options.jobs) as pool:
            if not options.no_ledgers:
                ways = dict.fromkeys((mutant.flags, room.kernels) for room, mutant in chosen if room.trained)
                list(pool.map(reference.prepare, ways))

            def run(entry: tuple[Room, Mutant]) -> Result:
                tree = trees.get()
                try:
                    return _tried(*entry, tree, reference, options)
                finally:
                    trees.put(tree)

            yield from pool.map(run, chosen)


def _tried(room: Room, mutant: Mutant, tree: Tree, reference: ledgers.Reference, options: argparse.Namespace) -> Result:
    with tree.planted(mutant) as root:
        looked = room.trained and not options.no_ledgers
        channel = reference.first_channel(mutant, room.kernels, root) if looked else None
        return Result(room.name, mutant, caught(mutant, room, root, all_stages=not options.rooms_alone), channel)


def _summary(results: Sequence[Result], seconds: float) -> int:
    missed = [result for result in results if not result.catch.is_enough]
    looked = [result for result in results if result.channel is not None]
    elsewhere = [result for result in looked if not result.as_expected]
    print(
        f"\n{len(results) - len(missed)} of {len(results)} mutants are caught without the goldens; "
        f"{len(looked) - len(elsewhere)} of {len(looked)} show at the channel that they must; {seconds:.0f} s"
    )
    for title, found in (("not caught", missed), ("at another channel", elsewhere)):
        if found:
            print(f"\n{title}:\n" + "\n".join(result.line for result in found))
    return 1 if missed or elsewhere or not results else 0
