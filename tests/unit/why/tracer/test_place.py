"""Which files are the user's own."""

from __future__ import annotations

import pytest

from sac.why.tracer.place import Places


@pytest.mark.parametrize("beside, shown", [("numpy-2.0.dist-info", None), ("mine.egg-info", "../added/mine.py")])
def test_a_folder_into_which_packages_were_installed_is_not_the_users_own(tmp_path, monkeypatch, beside, shown):
    root, added = tmp_path / "lab", tmp_path / "added"
    root.mkdir()
    (added / beside).mkdir(parents=True)
    places = Places(str(root))
    monkeypatch.syspath_prepend(added)
    assert places.own(str(added / "mine.py")) == shown


def test_packages_in_a_folder_of_the_project_are_not_its_own_but_the_project_is(tmp_path, monkeypatch):
    (tmp_path / "vendor" / "x-1.dist-info").mkdir(parents=True)
    (tmp_path / "lab-1.dist-info").mkdir()
    for folder in (tmp_path, tmp_path / "vendor"):
        monkeypatch.syspath_prepend(folder)
    places = Places(str(tmp_path))
    assert (places.own(str(tmp_path / "vendor" / "x.py")), places.own(str(tmp_path / "train.py"))) == (None, "train.py")
