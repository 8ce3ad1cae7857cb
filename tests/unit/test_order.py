"""Files that take longest are the first to be handed out."""

from __future__ import annotations

from types import SimpleNamespace

from tests import conftest


def ordered(config: object) -> list[str]:
    """The names of files, after the order of the tests was chosen."""
    first = conftest.HERE / f"{conftest.LONGEST[0]}.py"
    items = [SimpleNamespace(path=path) for path in (conftest.HERE / "unit" / "test_dev.py", first)]
    conftest.pytest_collection_modifyitems(config, items)
    return [item.path.stem for item in items]


def test_the_longest_begin_first_where_several_processes_share_files():
    by_file, one_by_one = (SimpleNamespace(workerinput={"mainargv": [f"--dist={how}"]}) for how in ("loadfile", "load"))
    assert ordered(by_file) == ["test_goldens", "test_dev"]
    assert ordered(one_by_one) == ordered(SimpleNamespace()) == ["test_dev", "test_goldens"]


def test_files_that_are_named_are_there():
    assert [name for name in conftest.LONGEST if not (conftest.HERE / f"{name}.py").exists()] == []
