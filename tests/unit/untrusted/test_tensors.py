"""Tensors from files are dense numbers in memory of their own, and archives are verified before they are unpickled."""

from __future__ import annotations

import io
import pickle
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.untrusted.archive import load_tensors, require_whole
from sac.untrusted.file import Unreadable
from sac.untrusted.tensors import require_plain


class Odd(torch.Tensor):
    """A class of its own."""


REFUSED = {
    "a number": (3.0, "no tensor but of type float"),
    "meta": (torch.zeros(2, device="meta"), "on the device meta"),
    "sparse": (torch.zeros(2, 2).to_sparse(), "of the layout sparse_coo"),
    "complex": (torch.zeros(2, dtype=torch.complex64), "complex"),
    "a subclass": (torch.zeros(2).as_subclass(Odd), "of the class Odd"),
    "NaN": (torch.tensor([0.0, float("nan")]), "NaN or infinity"),
    "infinite": (torch.tensor([0.0, float("inf")]), "NaN or infinity"),
    "one number as many": (torch.zeros(1).expand(2**40), "elements share places"),
    "another shape": (torch.zeros(3), r"shape \(3,\), expected \(2,\)"),
    "integers": (torch.zeros(2, dtype=torch.int64), "holds int64, expected floats"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_strange_tensor_is_named(name):
    value, words = REFUSED[name]
    with pytest.raises(Unreadable, match=words):
        require_plain(value, (2,) if name == "another shape" else None, floating=True)


@pytest.mark.parametrize(
    "value", [torch.zeros(2), torch.nn.Parameter(torch.ones(3)), torch.zeros(4, 2).T, torch.zeros(0)]
)
def test_a_plain_one_is_taken(value):
    assert require_plain(value, floating=True) is value


def archive(**content):
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(64.0), **content}, buffer)
    return buffer.getvalue()


WHOLE = archive()


def test_an_archive_is_loaded(tmp_path):
    (tmp_path / "x").write_bytes(WHOLE)
    assert torch.equal(load_tensors(tmp_path / "x")["weight"], torch.arange(64.0))


@given(st.integers(0, 8 * len(WHOLE) - 1))
def test_a_flipped_bit_is_seen_or_does_not_matter(tmp_path_factory, place):
    path = tmp_path_factory.mktemp("archive") / "x"
    data = bytearray(WHOLE)
    data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)
    try:
        found = load_tensors(path)
    except Unreadable:
        return
    assert torch.equal(found["weight"], torch.arange(64.0))


def test_torch_itself_believes_a_flipped_weight():
    """Negative control."""
    data = bytearray(WHOLE)
    data[WHOLE.index(torch.arange(64.0).numpy().tobytes()) + 130] ^= 1
    assert not torch.equal(torch.load(io.BytesIO(data), weights_only=True)["weight"], torch.arange(64.0))


def zipped(method, size=50_000_000, name="x/data.pkl"):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        made.writestr(name, b"\0" * size)
    return target.getvalue()


class Bomb:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no archive of torch.save"),
        (pickle.dumps({"actor": {}}), "no archive of torch.save"),
        (zipped(zipfile.ZIP_DEFLATED), "compressed or encrypted members"),
        (zipped(zipfile.ZIP_STORED, 10), "holds more than tensors"),
        (WHOLE[:-1], "no archive of torch.save"),
        (WHOLE[: len(WHOLE) // 2], "no archive of torch.save"),
        (archive(code=Bomb()), "holds more than tensors"),
    ],
)
def test_what_is_no_archive_of_tensors_is_refused_and_not_executed(tmp_path, capsys, data, words):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(Unreadable, match=words):
        load_tensors(tmp_path / "x")
    assert capsys.readouterr().out == ""


def test_two_members_of_one_name_are_refused(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made, pytest.warns(UserWarning, match="Duplicate name"):
        made.writestr("x", b"1")
        made.writestr("x", b"2")
    with pytest.raises(Unreadable, match="two members of one name"):
        require_whole(target.getvalue(), tmp_path)
