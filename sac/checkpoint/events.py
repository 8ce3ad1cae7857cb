"""TensorBoard's event files: records, each with a CRC-32C of its length and of its content."""

from __future__ import annotations

import struct
from pathlib import Path

from sac.untrusted.file import Unreadable, open_regular

_HEAD, _TAIL = struct.Struct("<QI"), struct.Struct("<I")
_LONGEST = 64 * 2**20


def check_events(path: Path) -> tuple[int, bool]:
    """Compare every record of an event file with its checksums; return their count, and whether the last is unfinished.

    Raises:
        Unreadable: a record is not what was written; the message says where.
    """
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    count = 0
    with open_regular(path) as file:
        while True:
            start = file.tell()
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return count, bool(head)
            length, checksum = _HEAD.unpack(head)
            if masked_crc32c(head[:8]) != checksum or length > _LONGEST:
                raise Unreadable(f"damaged: record {count + 1:,} at byte {start:,} has another checksum than its own")
            body = file.read(length + _TAIL.size)
            if len(body) < length + _TAIL.size:
                return count, True
            if masked_crc32c(body[:length]) != _TAIL.unpack(body[length:])[0]:
                raise Unreadable(f"damaged: record {count + 1:,} at byte {start:,} has another checksum than its own")
            count += 1
