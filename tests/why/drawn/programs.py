"""Programs of the grammar: what is drawn, the files that it is written as, and the right answer."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.why.drawn import grammar, held_out, held_out_innocent, looked_at, looked_at_last, looked_at_later
from tests.why.drawn import held_out_sources as held
from tests.why.drawn import looked_at_last_sources as last
from tests.why.drawn import looked_at_later_sources as later
from tests.why.drawn import looked_at_sources as looked
from tests.why.drawn.grammar import Layout, Noise, Sink, Transport
from tests.why.drawn.sources import PLANT, TUNED, Source

_MODULES = (grammar, looked_at, looked_at_later, looked_at_last, held_out)
SOURCES = (*TUNED, *looked.LOOKED_AT, *later.HELD_OUT, *last.HELD_OUT, *held.HELD_OUT)
INNOCENT = (*looked.WERE_INNOCENT, *later.INNOCENT, *last.INNOCENT, *held_out_innocent.INNOCENT)
TRANSPORTS: tuple[Transport, ...] = tuple(row for module in _MODULES for row in module.TRANSPORTS)
SINKS: tuple[Sink, ...] = tuple(row for module in _MODULES for row in module.SINKS)
LAYOUTS: tuple[Layout, ...] = tuple(row for module in _MODULES for row in module.LAYOUTS)
NOISES: tuple[Noise, ...] = tuple(row for module in _MODULES for row in module.NOISES)

_FILES = 8
"""In the folder `data`, for directory listings."""
_IMPORTS = {"numpy": "import numpy as np"}


class Answer(NamedTuple):
    """The right one: exit status of `sac why`, name of the cause, file and line of the plant."""

    status: int
    cause: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Program:
    """A program, as drawn.

    Attributes:
        planted: whether the fault is there.
    """

    source: Source
    transport: Transport
    sink: Sink
    layout: Layout
    noise: Noise
    planted: bool

    def __str__(self) -> str:
        parts = (self.source, self.transport, self.sink, self.layout, self.noise)
        return " / ".join((*(part.name for part in parts), "faulty" if self.planted else "clean"))

    @property
    def command(self) -> list[str]:
        """What is started, in the folder of the program."""
        return [word.format(python=sys.executable) for word in self.layout.command]

    @property
    def files(self) -> dict[str, str]:
        """Each file's path and text."""
        folder = os.path.dirname(self.layout.main)
        package = self.layout.root + self.layout.home.replace(".", "/")
        module = package if self.layout.home else f"{folder}/" if folder else ""
        made = {f"data/demo{number}.txt": f"{number}\n" for number in range(_FILES)}
        made |= {"pyproject.toml": "", self.layout.main: self._text(self.transport.main, main=True)}
        if self.layout.home:
            made[f"{module}__init__.py"] = ""
        if self.transport.module:
            made[f"{module}source.py"] = self._text(self.transport.module, main=False)
        if self.layout.shell:
            made["run.sh"] = self.layout.shell.format(python=sys.executable)
        return made

    @property
    def answer(self) -> Answer:
        """The right answer."""
        if not self.planted:
            return Answer(0)
        cause = self.source.cause
        if self.source.seed_cause and self.sink.seeds and not self.transport.saves:
            cause = self.source.seed_cause
        if self.source.draws and self.source.draws == self.sink.reseeds and not self.transport.process:
            cause = "seeded-too-late"
        for path, text in self.files.items():
            for number, line in enumerate(text.splitlines(), start=1):
                if line.endswith(PLANT):
                    return Answer(1, cause, path, number)
        raise AssertionError(f"nothing is planted in {self}")

    def write(self, folder: Path) -> None:
        """Write its files into a folder."""
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)

    def _text(self, template: str, main: bool) -> str:
        source = self.source.faulty if self.planted else self.source.clean
        here = not (main and self.transport.module)
        modules = {*(self.source.imports if here else ()), *((*self.sink.imports, *self.noise.imports) if main else ())}
        imports = [_IMPORTS.get(module, f"import {module}") for module in sorted(modules)]
        before = self.layout.before if main else ()
        blocks = {"source": source, "sink": self.sink.lines, "noise": self.noise.lines}
        head = "\n".join((*before, *imports))
        return _filled(
            template.format(imports=head, home=self.layout.home, **{name: f"<{name}>" for name in blocks}), blocks
        )


def _filled(text: str, blocks: dict[str, Any]) -> str:
    """Put blocks of lines in place of their names, each as deep as its name stands."""
    made: list[str] = []
    for line in text.splitlines():
        block = blocks.get(line.strip()[1:-1], ())
        depth = line[: len(line) - len(line.lstrip())]
        made += [depth + part if part else "" for part in block] if block else [line]
    return "\n".join(made) + "\n"


def programs(half: str, planted: bool, torch: bool = False) -> st.SearchStrategy[Program]:
    """Return a strategy that draws programs of one half of the productions.

    Args:
        half: `tune` or `report`.
        planted: whether the fault is there.
        torch: whether the programs may need torch.
    """

    def of(rows: Any) -> st.SearchStrategy[Any]:
        return st.sampled_from(
            [row for row in rows if row.half == half and (torch or not getattr(row, "torch", False))]
        )

    sources = SOURCES if planted else (*SOURCES, *INNOCENT)
    return st.builds(Program, of(sources), of(TRANSPORTS), of(SINKS), of(LAYOUTS), of(NOISES), st.just(planted))
