"""Bit-exact, order-aware 64-bit digests of tensors, computed on the device where they live.

A tensor is read as a stream of words, in logical (row-major) order: the bit pattern of each element as one
signed integer of 8, 16 or 32 bits, and wider elements as several 32-bit words, low word first. With all
arithmetic modulo 2**64, a block of at most ``BLOCK`` words has the sum

    S = sum over i of  mix(word[i]) * key[i],    mix(w) = v ^ (v >> 32) with v = w * MULTIPLIER

where ``>>`` is the arithmetic shift and ``key[i] = splitmix64(i) | 1``. A stream of several blocks is reduced
level by level: the block sums, read as 32-bit words, are the stream of the next level. The word count is added last.

Why it is built so:
- Integer sums are exact in any order, so the digest depends neither on device, thread count nor chunking.
- ``mix`` is one-to-one on 32-bit words and keys are odd, hence invertible: within a block every change of a single
  word changes the sum. Changes of several words cancel with a probability of about 2**-60.
- Without ``mix`` the sum would be linear, and the flip of a sign bit would add exactly 2**31 * key: flips could cancel.
- Names, dtypes and shapes are hashed with the sum on the host, once per channel.

This guards against accidents, not against an adversary: the keys are public.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

BLOCK = 2**15
"""Words per block, part of the digest's definition; their keys, 256 KiB, stay in the L2 cache."""

MULTIPLIER = 0x9E3779B97F4A7C15

Host: TypeAlias = bool | int | float | str | None
Content: TypeAlias = "Tensor | np.ndarray | np.generic | Host | Sequence[Content] | Mapping[str, Content]"
"""What a channel may hold. Host values (counters, say) enter the digest through its header."""

LeafPath: TypeAlias = tuple[str | int, ...]
"""Path of a leaf in a content: names in mappings, positions in sequences."""

_MASK = 2**64 - 1
_FORMAT = b"sac-digest-1\0"
# A kernel launch costs an accelerator microseconds whatever its size, so many blocks go at once there.
_ROWS = 64
# Words that NumPy processes at once: few enough for the L2 cache, enough to make its calls cheap.
_PIECE = 2**14
_WORD_DTYPES = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int32, 16: torch.int32}
_local = threading.local()


def splitmix64(index: int) -> int:
    """Return the SplitMix64 output for a counter (Steele, Lea and Flood 2014, fig. 17)."""
    z = (index + 1) * 0x9E3779B97F4A7C15 & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


def _signed(value: int) -> int:
    """Return the int64 that has the bits of an unsigned 64-bit value."""
    return value - 2**64 if value >= 2**63 else value


@lru_cache(maxsize=1)
def _position_keys() -> Tensor:
    """Return the odd keys of the positions in a block."""
    return torch.tensor([_signed(splitmix64(i) | 1) for i in range(BLOCK)], dtype=torch.int64, device="cpu")


def as_tensor(value: "Tensor | np.ndarray | np.generic") -> Tensor:
    """View a tensor or a NumPy array as a detached tensor of the same dtype, shape and bits."""
    if isinstance(value, Tensor):
        return value.detach()
    array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # torch can't view negative strides, and warns about read-only memory.
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _words(tensor: Tensor) -> Tensor:
    """Return the bit patterns of the elements as a flat integer tensor, in logical order."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise TypeError(f"can't digest a tensor of layout {tensor.layout}, dtype {tensor.dtype}: make it dense first")
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    # A dimension of one element may keep any stride through contiguous() and reshape(), which view() refuses.
    flat = tensor.resolve_neg().contiguous().as_strided((tensor.numel(),), (1,))
    return flat.view(_WORD_DTYPES[tensor.itemsize])


def _batches(streams: Sequence[Tensor], capacity: int) -> Iterator[list[Tensor]]:
    """Cut the concatenation of flat tensors into lists of pieces, each list of ``capacity`` words (the last: fewer)."""
    batch: list[Tensor] = []
    room = capacity
    for stream in streams:
        start, length = 0, stream.numel()
        while start < length:
            piece = stream[start : start + room]
            batch.append(piece)
            start += piece.numel()
            room -= piece.numel()
            if room == 0:
                yield batch
                batch, room = [], capacity
    if batch:
        yield batch


class _NumpySums:
    """Sums words on the host: NumPy multiplies 64-bit integers three times as fast as torch's CPU kernels."""

    def __init__(self, keys: Tensor) -> None:
        self._keys = keys.numpy()
        self._mixed, self._shifted = np.empty(_PIECE, np.int64), np.empty(_PIECE, np.int64)

    def block_sums(self, streams: Sequence[Tensor], count: int) -> Tensor:
        """Return the sum of each block of the streams' concatenation, one at least."""
        sums = [0] * max(1, -(-count // BLOCK))
        position = 0
        for stream in streams:
            words, start = stream.numpy(), 0
            while start < len(words):
                block, offset = divmod(position, BLOCK)
                piece = words[start : start + min(_PIECE, BLOCK - offset)]
                sums[block] += self._piece_sum(piece, offset)
                start += len(piece)
                position += len(piece)
        return torch.tensor([_signed(total & _MASK) for total in sums], dtype=torch.int64, device="cpu")

    def _piece_sum(self, words: np.ndarray, offset: int) -> int:
        """Return the sum of mix(word) * key of words that begin `offset` words into their block."""
        mixed, shifted = self._mixed[: len(words)], self._shifted[: len(words)]
        mixed[...] = words
        np.multiply(mixed, _signed(MULTIPLIER), out=mixed)
        np.right_shift(mixed, 32, out=shifted)
        np.bitwise_xor(mixed, shifted, out=mixed)
        np.multiply(mixed, self._keys[offset : offset + len(words)], out=mixed)
        return int(np.add.reduce(mixed))


class _TorchSums:
    """Sums words on any device, many blocks at once."""

    def __init__(self, keys: Tensor) -> None:
        self._keys = keys
        self._mixed = torch.empty(_ROWS * BLOCK, dtype=torch.int64, device=keys.device)
        self._shifted = torch.empty_like(self._mixed)

    def block_sums(self, streams: Sequence[Tensor], count: int) -> Tensor:
        """Return the sum of each block of the streams' concatenation, one at least."""
        sums = torch.zeros(max(1, -(-count // BLOCK)), dtype=torch.int64, device=self._keys.device)
        first = 0
        for pieces in _batches(streams, self._mixed.numel()):
            rows = self._mixed_rows(pieces)
            sums[first : first + len(rows)] = rows.sum(dim=1)
            first += len(rows)
        return sums

    def _mixed_rows(self, pieces: Sequence[Tensor]) -> Tensor:
        """Return mix(word) * key of the pieces' words, one block a row; the view is valid until the next call."""
        words = pieces[0] if len(pieces) == 1 else torch.cat(list(pieces))
        count = words.numel()
        rows = -(-count // BLOCK)
        # Zeros may pad the last of several rows, since mix(0) is 0.
        width = count if rows == 1 else BLOCK
        mixed, shifted = self._mixed[: rows * width], self._shifted[: rows * width]
        mixed[:count].copy_(words)
        mixed[count:].zero_()
        mixed.mul_(_signed(MULTIPLIER))
        torch.bitwise_right_shift(mixed, 32, out=shifted)
        return mixed.bitwise_xor_(shifted).view(rows, width).mul_(self._keys[:width])


class Digester:
    """Sums words on one device, with preallocated scratch memory: use one per thread and CUDA stream.

    Args:
        device: where the tensors are.
        in_numpy: sum with NumPy; by default on a CPU.
    """

    def __init__(self, device: torch.device | str, *, in_numpy: bool | None = None) -> None:
        self.device = torch.device(device)
        # Buffers made in inference mode could not be written outside it.
        with torch.inference_mode(False), torch.no_grad():
            self._keys = _position_keys().to(self.device)
            on_host = self.device.type == "cpu" if in_numpy is None else in_numpy
            self._sums: _NumpySums | _TorchSums = (_NumpySums if on_host else _TorchSums)(self._keys)

    @torch.no_grad()
    def word_sum(self, *tensors: Tensor) -> Tensor:
        """Return the sum of the tensors' words, taken as one stream, as a 0-d int64 tensor on the device.

        It does not depend on dtypes and shapes, except through the number of words: keep them beside the sum.
        """
        streams = [_words(tensor.detach().to(self.device)) for tensor in tensors]
        count = sum(stream.numel() for stream in streams)
        sums = self._sums.block_sums(streams, count)
        while sums.numel() > 1:
            sums = self._sums.block_sums([sums.view(torch.int32)], 2 * sums.numel())
        return sums.reshape(()).add_(_signed(splitmix64(count)))

    @torch.no_grad()
    def row_marks(self, tensor: Tensor) -> Tensor:
        """Return a 16-bit mark of each row of a (R, ...) tensor, as (R,) int64 on the device.

        A mark is a hint, not evidence: one in 65,536 pairs of different rows has equal marks. It tells where to look.

        Raises:
            ValueError: a row is longer than a block.
        """
        words = _words(tensor.detach().to(self.device)).view(len(tensor), -1).to(torch.int64)
        if words.shape[1] > BLOCK:
            raise ValueError(f"a row of {words.shape[1]} words is longer than {BLOCK}")
        mixed = words * _signed(MULTIPLIER)
        sums = (mixed ^ mixed >> 32).mul_(self._keys[: words.shape[1]]).sum(dim=1)
        return (sums ^ sums >> 32).mul_(_signed(MULTIPLIER)) >> 48 & 0xFFFF


def digester_for(device: torch.device | str) -> Digester:
    """Return this thread's digester of a device's current stream: scratch memory must not be shared."""
    device = torch.device(device)
    stream = torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else 0
    cache: dict[tuple[torch.device, int], Digester] = _local.__dict__.setdefault("digesters", {})
    if (device, stream) not in cache:
        cache[device, stream] = Digester(device)
    return cache[device, stream]


class _Pending(NamedTuple):
    """A digest whose sum is still on the device."""

    name: str
    header: bytes
    sum: Tensor


def _leaves(content: Content, path: LeafPath = ()) -> Iterator[tuple[LeafPath, Tensor | Host]]:
    """Walk over the tensors and host values of a content, in order, each with its path."""
    if isinstance(content, (Tensor, np.ndarray, np.generic)):
        yield path, as_tensor(content)
    elif content is None or isinstance(content, (bool, int, float, str)):
        yield path, content
    elif isinstance(content, Mapping):
        # An empty container leaves no leaf, so it states its own presence.
        yield (*path, "{"), len(content)
        for name, part in content.items():
            yield from _leaves(part, (*path, name))
    elif isinstance(content, Sequence):
        yield (*path, "["), len(content)
        for position, part in enumerate(content):
            yield from _leaves(part, (*path, position))
    else:
        raise TypeError(f"can't digest a {type(content).__qualname__} at {path}: give tensors, or nests of them")


def _describe(path: LeafPath, leaf: Tensor | Host) -> tuple[object, ...]:
    """Return what the header says of one leaf: a tensor's dtype and shape, a host value itself."""
    if isinstance(leaf, Tensor):
        return path, str(leaf.dtype), tuple(leaf.shape)
    return path, type(leaf).__name__, repr(leaf)


def _finalise(header: bytes, word_sum: int) -> str:
    """Hash a header and a sum to 16 hexadecimal digits."""
    total = (word_sum & _MASK).to_bytes(8, "little")
    return hashlib.blake2b(_FORMAT + header + total, digest_size=8).hexdigest()


class DigestBatch:
    """Collects digests and a few floats, and brings all of them to the host at once.

    Tensors are read when they are added, so they may be overwritten afterwards. Tensors on another device than the
    batch's are digested there, which costs one more transfer per device.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        """Start an empty batch for tensors on the device."""
        self.device = torch.device(device)
        self._pending: list[_Pending] = []
        self._digests: dict[str, str] = {}
        self._bits: dict[str, Tensor] = {}
        self._values: dict[str, float] = {}

    def add(self, channel: str, content: Content, word_sum: Tensor | None = None) -> None:
        """Digest a tensor, an array, or a nest of them, of any shapes; a mapping's names count, in insertion order.

        Args:
            channel: name of the digest.
            content: what to digest.
            word_sum: int64 scalar over all tensors of the content, if the caller has it already; `finish` reads it.

        Raises:
            ValueError: the channel was added before.
            TypeError: the content holds something that can't be digested.
        """
        if channel in self._digests:
            raise ValueError(f"channel {channel!r} was added to this batch before")
        leaves = list(_leaves(content))
        tensors = [leaf for _, leaf in leaves if isinstance(leaf, Tensor)]
        header = repr([_describe(path, leaf) for path, leaf in leaves]).encode()
        device = tensors[0].device if tensors else self.device
        self._digests[channel] = ""  # keeps the order of adding
        if word_sum is None:
            word_sum = digester_for(device).word_sum(*tensors)
        self._pending.append(_Pending(channel, header, word_sum))

    def add_value(self, name: str, value: Tensor | float) -> None:
        """Add a float, or a floating tensor of one element, to bring to the host without rounding.

        Raises:
            ValueError: the name was added before.
            TypeError: the tensor is not one float.
        """
        if name in self._values:
            raise ValueError(f"value {name!r} was added to this batch before")
        if isinstance(value, Tensor):
            if not value.is_floating_point() or value.numel() != 1:
                raise TypeError(f"value {name!r} must be one float: got {value.dtype} of shape {tuple(value.shape)}")
            # A copy, since the caller may overwrite its own tensor before finish().
            double = value.detach().reshape(()).to(torch.float64, copy=True)
            self._bits[name] = double.view(torch.int64)
            self._values[name] = float("nan")  # keeps the order of adding
        else:
            self._values[name] = float(value)

    def finish(self) -> tuple[dict[str, str], dict[str, float]]:
        """Return the digests (16 hexadecimal digits) and the values, each in the order of adding; empty the batch."""
        numbers = _to_host([*(entry.sum for entry in self._pending), *self._bits.values()])
        sums, bits = numbers[: len(self._pending)], numbers[len(self._pending) :]
        for entry, word_sum in zip(self._pending, sums, strict=True):
            self._digests[entry.name] = _finalise(entry.header, word_sum)
        floats = cast("list[float]", np.array(bits, dtype=np.int64).view(np.float64).tolist())
        self._values.update(zip(self._bits, floats, strict=True))
        result = self._digests, self._values
        self._pending, self._digests, self._bits, self._values = [], {}, {}, {}
        return result


def _to_host(scalars: Sequence[Tensor]) -> list[int]:
    """Bring 0-d int64 tensors to the host, with one transfer per device."""
    numbers = [0] * len(scalars)
    for device in dict.fromkeys(scalar.device for scalar in scalars):
        places = [place for place, scalar in enumerate(scalars) if scalar.device == device]
        for place, number in zip(places, torch.stack([scalars[place] for place in places]).tolist(), strict=True):
            numbers[place] = number
    return numbers


def digest(content: Content) -> str:
    """Return the digest of a tensor, an array, or a nest of them, at once; many are cheaper in a `DigestBatch`."""
    batch = DigestBatch()
    batch.add("", content)
    return batch.finish()[0][""]
