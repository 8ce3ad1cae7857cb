"""Draw the picture of docs/architecture.md, and check that what the documents name is there.

`python -m tools.architecture` draws the picture anew: floors from the import contract in pyproject.toml, arrows from
the real imports. `--check` changes nothing; it fails where the picture is out of date, or where a document names a
file or a definition (`sac/learner/sac.py:Learner.critic_loss`) that does not exist. Exit status: 0, 1 where something
is wrong.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import grimp
from importlinter.api import read_configuration

ROOT = Path(__file__).parents[1]
PAGE = Path("docs/architecture.md")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md")
BEGIN = "<!-- The picture is drawn by `python -m tools.architecture`. -->"
END = "<!-- End of the picture. -->"
NAMED = re.compile(r"`((?:sac|tests|tools|docs|\.github)/[\w./-]*)(?::([\w.]+))?`")
"""A file or folder of the repository in code quotes, and a definition in it."""

Edge = tuple[str, str]


def floors() -> list[list[str]]:
    """Return the rooms of each floor, top floor first, as the import contract has them.

    Raises:
        LookupError: pyproject.toml holds no contract of layers for the package.
    """
    for contract in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]:
        if contract["type"] == "layers" and contract["containers"] == ["sac"]:
            return [layer.split(" | ") for layer in contract["layers"]]
    raise LookupError("pyproject.toml: no contract of type layers for the container sac")


def room_imports(graph: grimp.ImportGraph) -> set[Edge]:
    """Return the pairs (importer, imported) of different rooms."""
    modules = (module for module in graph.modules if "." in module)
    pairs = ((a, b) for a in modules for b in graph.find_modules_directly_imported_by(a) if "." in b)
    edges = {(a.split(".")[1], b.split(".")[1]) for a, b in pairs}
    return {(a, b) for a, b in edges if a != b}


def direct(edges: set[Edge]) -> set[Edge]:
    """Return the edges that do not follow from others: the transitive reduction of a graph without circles."""

    def reached(start: str) -> set[str]:
        below = {b for a, b in edges if a == start}
        return below.union(*(reached(room) for room in below))

    return {(a, b) for a, b in edges if not any(b in reached(room) for start, room in edges if start == a)}


def picture(layers: Sequence[Sequence[str]], edges: set[Edge]) -> str:
    """Return the Mermaid flowchart, in Markdown; a folder is a box, a module a rounded one."""
    shown = [[room for room in layer if room != "__main__"] for layer in layers]
    order = [room for layer in shown for room in layer]
    nodes = [f"    {_node(room)}" for room in order]
    kept = sorted(direct({edge for edge in edges if set(edge) <= set(order)}), key=lambda e: tuple(map(order.index, e)))
    return "\n".join(["```mermaid", "flowchart TD", *nodes, *(f"    {a} --> {b}" for a, b in kept), "```"])


def _node(room: str) -> str:
    return f'{room}["{room}/"]' if (ROOT / "sac" / room).is_dir() else f'{room}("{room}")'


def with_picture(page: str, drawn: str) -> str:
    """Return the page with this picture between its marks.

    Raises:
        ValueError: the page has no marks for it.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE}: the marks of the picture are gone: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{drawn}\n\n{END}{after}"


def names_gone(text: str, root: Path = ROOT) -> list[str]:
    """Return what a document names that `root` does not hold."""
    gone = []
    for path, name in NAMED.findall(text):
        file = root / path
        if not file.exists():
            gone.append(path)
        elif name and name not in set(definitions(ast.parse(file.read_text()))):
            gone.append(f"{path}:{name}")
    return gone


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[str]:
    """Yield the qualified names of classes, functions and assigned names; what lies inside functions is left out."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.FunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from definitions(node, f"{prefix}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name


def troubles(drawn: str, documents: Iterable[Path]) -> Iterator[str]:
    """Yield one line for each thing that is wrong."""
    page = (ROOT / PAGE).read_text()
    if with_picture(page, drawn) != page:
        yield f"{PAGE}: the picture is not that of the imports: run `python -m tools.architecture`"
    for document in documents:
        for name in names_gone(document.read_text()):
            yield f"{document.relative_to(ROOT)}: names {name}, which does not exist"


def main(arguments: Sequence[str]) -> int:
    """Draw or check; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.architecture", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where something is wrong")
    options = parser.parse_args(list(arguments))
    sys.path.insert(0, str(ROOT))
    drawn = picture(floors(), room_imports(grimp.build_graph("sac", cache_dir=None)))
    if not options.check:
        (ROOT / PAGE).write_text(with_picture((ROOT / PAGE).read_text(), drawn))
        return 0
    found = list(troubles(drawn, (file for pattern in DOCUMENTS for file in sorted(ROOT.glob(pattern)))))
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
