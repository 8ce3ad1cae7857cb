"""What a mutant is: a small edit of one file, the fault that it models, and where that must show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NO_RUN = "no run"
"""In the place of a channel: the training fails, with a message."""


class BadMutant(ValueError):
    """A mutant's text is not found exactly once: the code has moved on, and the table must follow."""


@dataclass(frozen=True)
class Mutant:
    """One planted fault.

    Attributes:
        name: unique in all tables.
        file: path from the root.
        before: text that stands in the file exactly once.
        after: what it becomes.
        fault: what goes wrong, in words.
        channel: the ledger's first channel that differs between a training without and one with the fault; None where
            no ledger can show it (logs, files, messages), or the task of that training does not reach it; `NO_RUN`.
        more: further edits of the same file, each text and what it becomes.
        flags: of `sac train`, for the training that shows it.
        tests: the first to run; empty for the room's.
        link: a public case.
    """

    name: str
    file: str
    before: str
    after: str
    fault: str
    channel: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    link: str = ""

    @property
    def edits(self) -> tuple[tuple[str, str], ...]:
        """All texts to replace, and what they become."""
        return ((self.before, self.after), *self.more)

    def applied(self, text: str) -> str:
        """Return a file's text with the fault planted.

        Raises:
            BadMutant: a text to replace is not found exactly once, or the edit changes nothing.
        """
        changed = text
        for before, after in self.edits:
            if changed.count(before) != 1:
                raise BadMutant(f"{self.name}: {self.file} holds {changed.count(before)} times, not once:\n{before}")
            changed = changed.replace(before, after)
        if changed == text:
            raise BadMutant(f"{self.name}: changes nothing")
        return changed

    def check(self, root: Path) -> None:
        """Raise unless the fault can be planted and leaves a file that Python can read.

        Raises:
            BadMutant: it can't, or doesn't.
        """
        text = self.applied((root / self.file).read_text())
        try:
            compile(text, self.file, "exec")
        except SyntaxError as error:
            raise BadMutant(f"{self.name}: what it leaves is no Python: {error}") from error


@dataclass(frozen=True)
class Room:
    """The mutants of one part of the package.

    Attributes:
        name: of the part.
        tests: files and folders that are to catch them, run first.
        mutants: the faults.
        trained: whether a short training of the point task runs through this part, so that its ledger is compared.
        kernels: whether that training takes the project's CPU kernels; without them it takes `Learner` itself.
    """

    name: str
    tests: tuple[str, ...]
    mutants: tuple[Mutant, ...]
    trained: bool = True
    kernels: bool = True
