"""Archives that `torch.save` writes: verified to the last byte that counts before anything in them is unpickled.

The archive is a zip file whose members are stored as they are, each with a CRC-32 that torch writes but never reads.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from sac.untrusted.file import CHUNK, Unreadable, read_bytes

MOST_BYTES = 2 * 2**30
"""Length of an archive that is accepted."""
_MOST_MEMBERS = 10_000


def load_tensors(path: Path) -> Any:
    """Return what an archive holds, on the CPU, without running any code that it may hold.

    Raises:
        Unreadable: it is none, is damaged, or holds more than tensors and plain containers of them.
    """
    data = read_bytes(path, MOST_BYTES)
    require_whole(data, path)
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile pickle makes the unpickler raise almost anything
        # torch's own message advises loading without weights_only, which would run whatever code the file holds.
        raise Unreadable(f"holds more than tensors ({type(error).__name__})", path) from error


def require_whole(data: bytes, path: Path) -> None:
    """Refuse an archive of which a member is not what was written.

    Raises:
        Unreadable: it is no archive of torch's, or damaged; the message names the member.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _require_plain(members, len(data))
            for member in members:
                _require_checksum(archive, member)
    except Unreadable as error:
        raise Unreadable(error.reason, path) from error
    except Exception as error:  # a broken directory makes zipfile raise a KeyError or a struct.error, too
        raise Unreadable(f"no archive of torch.save, or a damaged one ({error})", path) from error


def _require_plain(members: list[zipfile.ZipInfo], size: int) -> None:
    if not members or len(members) > _MOST_MEMBERS:
        raise Unreadable(f"an archive of {len(members):,} members, which torch.save does not write")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise Unreadable("an archive with two members of one name")
    # What is stored as it is can't be larger than the file: so no archive can be a bomb.
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise Unreadable("an archive with compressed or encrypted members, which torch.save does not write")
    if sum(member.file_size for member in members) > size:
        raise Unreadable("an archive whose members claim more bytes than it has")


def _require_checksum(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    try:
        with archive.open(member) as file:
            while file.read(CHUNK):
                pass
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(f"damaged: {member.filename!r} is not what was written ({error})") from error
