"""Digests: exact, order-aware, and blind to nothing but what doesn't matter (strides, chunks, devices, threads)."""

import hashlib
import struct
import threading

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sac.digest import BLOCK, MULTIPLIER, DigestBatch, Digester, digest, splitmix64
from tests.examples import fewer

# By the reference below, once; another value means that digests of old ledgers can't be compared any more.
PINNED = {
    "zero": (torch.zeros(()), "2d3a7c91aec6d640"),
    "minus zero": (torch.tensor(-0.0), "ee4bc2f6344a5825"),
    "empty": (torch.zeros(0, 3), "3a1f580c4f46184a"),
    "float32": (torch.arange(5, dtype=torch.float32), "6853f0cfb7d4446b"),
    "float16": (torch.tensor([1.0, -2.5, float("inf")], dtype=torch.float16), "2fe89430701c1eb6"),
    "bfloat16": (torch.tensor([1.0, -2.5, float("nan")], dtype=torch.bfloat16), "e3ce2fff1d7a9da7"),
    "float64": (torch.tensor([[1.0], [1e-300]], dtype=torch.float64), "372eab2e7a37bf8e"),
    "int64": (torch.tensor([-1, 2**62]), "1647661ac71a238e"),
    "uint8": (torch.tensor([0, 255], dtype=torch.uint8), "587129d71ff620df"),
    "bool": (torch.tensor([True, False]), "8a0ee94024beb54c"),
    "two blocks": (torch.arange(BLOCK + 1, dtype=torch.int32), "cd91e471c05d9f57"),
    "nest": ({"b": [torch.ones(2), 3], "a": np.float64(2.0), "none": None, "empty": {}}, "ffe9ec3b261e7734"),
}
DTYPES = [*(np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.bool_)]
arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, max_side=5))
MASK = 2**64 - 1


def reference_words(array):
    """Signed words of an array, by way of its bytes."""
    code, size = {1: ("B", 1), 2: ("h", 2)}.get(array.itemsize, ("i", 4))
    data = array.tobytes()
    return struct.unpack(f"<{len(data) // size}{code}", data)


def reference_sum(words):
    """The module's definition in Python's integers."""
    count = len(words)
    while True:
        sums = []
        for start in range(0, max(1, len(words)), BLOCK):
            total = 0
            for i, word in enumerate(words[start : start + BLOCK]):
                v = word * MULTIPLIER & MASK
                signed = v - 2**64 if v >= 2**63 else v
                total += ((v ^ signed >> 32) & MASK) * (splitmix64(i) | 1)
            sums.append(total & MASK)
        if len(sums) == 1:
            return (sums[0] + splitmix64(count)) & MASK
        words = struct.unpack(f"<{2 * len(sums)}i", struct.pack(f"<{len(sums)}Q", *sums))


def reference_digest(array, header):
    total = struct.pack("<Q", reference_sum(reference_words(array)))
    return hashlib.blake2b(b"sac-digest-1\0" + header.encode() + total, digest_size=8).hexdigest()


def flip_bit(array, bit):
    """A copy with one bit flipped, bits counted through its memory."""
    data = bytearray(array.tobytes())
    data[bit // 8] ^= 1 << bit % 8
    return np.frombuffer(bytes(data), dtype=array.dtype).reshape(array.shape)


@pytest.mark.parametrize("name", PINNED)
def test_digests_are_pinned(name):
    content, expected = PINNED[name]
    assert digest(content) == expected


def test_splitmix64_gives_its_published_sequence():
    # For seed 0, as widely used to fill the state of xoshiro generators.
    assert [splitmix64(i) for i in range(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


@given(arrays)
def test_it_equals_the_reference(array):
    header = f"[((), 'torch.{array.dtype.name}', {array.shape!r})]"
    assert digest(array) == reference_digest(array, header)


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_it_equals_the_reference_over_several_blocks(count):
    array = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    assert digest(array) == reference_digest(array, f"[((), 'torch.float32', ({count},))]")


WAYS = {
    "NumPy": [("_PIECE", words) for words in (1000, 2**14, 2 * BLOCK)],
    "torch": [("_ROWS", rows) for rows in (1, 2, 128)],
}


@pytest.mark.parametrize("way, name, size", [(way, *piece) for way, pieces in WAYS.items() for piece in pieces])
def test_how_much_is_summed_at_once_does_not_matter(way, name, size, monkeypatch):
    monkeypatch.setattr(f"sac.digest.{name}", size)
    one = Digester("cpu", in_numpy=way == "NumPy")
    one.word_sum(torch.full((2 * BLOCK,), -1.0))  # leaves no zeros in the scratch memory
    tensors = [torch.arange(n, dtype=torch.float32) for n in (3, BLOCK, 0, 5 * BLOCK + 1)]
    assert one.word_sum(*tensors).item() & MASK == reference_sum(reference_words(torch.cat(tensors).numpy()))


@given(arrays)
def test_numpy_and_torch_sum_alike(array):
    sums = [Digester("cpu", in_numpy=way).word_sum(torch.from_numpy(array)).item() for way in (True, False)]
    assert sums[0] == sums[1]


@given(arrays, st.data())
def test_any_single_bit_flip_changes_it(array, data):
    assume(array.nbytes and array.dtype != np.bool_)
    flipped = flip_bit(array, data.draw(st.integers(0, 8 * array.nbytes - 1)))
    assert digest(array) != digest(flipped)


@given(arrays, st.data())
@fewer(2)
def test_any_swap_of_unequal_elements_changes_it(array, data):
    flat = array.reshape(-1)
    assume(flat.size > 1)
    i, j = data.draw(st.tuples(*[st.integers(0, flat.size - 1)] * 2))
    assume(flat[i].tobytes() != flat[j].tobytes())
    swapped = flat.copy()
    swapped[[i, j]] = flat[[j, i]]
    assert digest(flat) != digest(swapped)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=9), st.data())
@fewer(2)
def test_negating_two_elements_changes_it(numbers, data):
    i, j = data.draw(st.lists(st.integers(0, len(numbers) - 1), min_size=2, max_size=2, unique=True))
    tensor = torch.tensor(numbers)
    negated = tensor.clone()
    negated[[i, j]] = -tensor[[i, j]]
    assert digest(tensor) != digest(negated)


@given(arrays, st.data())
def test_any_reshape_changes_it(array, data):
    shapes = [(*array.shape, 1), (1, *array.shape), (array.size,), array.shape[::-1]]
    shape = data.draw(st.sampled_from([shape for shape in shapes if shape != array.shape]))
    assert digest(array) != digest(array.reshape(shape))


@given(arrays, st.sampled_from(DTYPES))
def test_any_dtype_change_changes_it(array, dtype):
    assume(array.dtype != dtype)
    with np.errstate(all="ignore"):
        assert digest(array) != digest(array.astype(dtype))


@given(arrays, st.data())
def test_strides_do_not_matter(array, data):
    axes = data.draw(st.permutations(range(array.ndim)))
    strided = array.transpose(axes)
    spread = np.repeat(array, 2, axis=0)[::2] if array.ndim else array
    reverse = array[..., ::-1].copy()[..., ::-1] if array.ndim else array
    assert digest(strided) == digest(strided.copy()) == digest(torch.from_numpy(strided))
    assert digest(array) == digest(spread) == digest(reverse) == digest(torch.from_numpy(array))


@given(st.lists(arrays, max_size=5))
def test_a_batch_equals_one_by_one(contents):
    batch = DigestBatch()
    for place, content in enumerate(contents):
        batch.add(str(place), content)
    batch.add("all", contents)
    digests, values = batch.finish()
    assert digests == {**{str(i): digest(content) for i, content in enumerate(contents)}, "all": digest(contents)}
    assert values == {}


@given(st.floats(width=32), st.floats())
def test_values_arrive_bit_for_bit(single, double):
    batch = DigestBatch()
    tensor = torch.tensor(double, dtype=torch.float64)
    batch.add_value("double", tensor)
    batch.add_value("single", torch.tensor([single]))
    batch.add_value("host", double)
    tensor.zero_()
    values = batch.finish()[1]
    assert list(values) == ["double", "single", "host"]
    assert struct.pack("<2d", values["double"], values["host"]) == struct.pack("<2d", double, double)
    assert values["single"] == single or single != single


@given(st.permutations(range(6)))
def test_it_is_no_xor_of_words(order):
    """Negative control: PyTorch's `hash_tensor` is an XOR, and a permuted batch hashes equal."""
    assume(order != sorted(order))
    array = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.0], dtype=np.float32)
    assert np.bitwise_xor.reduce(array.view(np.int32)) == np.bitwise_xor.reduce(array[order].view(np.int32))
    assert digest(array) != digest(array[order])


def test_it_is_no_plain_linear_sum():
    """Negative control: keys times raw words is blind to pairs of flipped signs where the keys' sum is even, always."""
    words = np.array([1.0, 2.0], dtype=np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
    flipped = words ^ np.uint64(2**63)
    keys = np.array([splitmix64(i) | 1 for i in range(2)], dtype=np.uint64)
    assert (words * keys).sum() == (flipped * keys).sum()
    assert digest(torch.tensor([1.0, 2.0])) != digest(torch.tensor([-1.0, -2.0]))


def test_the_mix_is_one_to_one_on_words():
    # v ^ (v >> 32), the shift arithmetic, maps v and ~v alike. Then w + w' = -1/MULTIPLIER: too large for two words.
    total = -pow(MULTIPLIER, -1, 2**64) % 2**64
    assert 2**33 < total < 2**64 - 2**33


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.tensor(0.0), torch.tensor(-0.0)),
        (np.array([0x7FC00000]).astype(np.int32).view(np.float32), np.array([0x7FC00001], np.int32).view(np.float32)),
        (torch.zeros(0, 3), torch.zeros(3, 0)),
        (torch.zeros(2), torch.zeros(3)),
        (torch.zeros(2, dtype=torch.int64), -torch.ones(2, dtype=torch.int64)),
        ([torch.ones(2), torch.ones(1)], [torch.ones(1), torch.ones(2)]),
        ([torch.ones(2)], torch.ones(2)),
        ({"a": torch.ones(1), "b": torch.ones(1)}, {"b": torch.ones(1), "a": torch.ones(1)}),
        ({"a": [torch.ones(1)], "b": []}, {"a": [], "b": [torch.ones(1)]}),
        ({"0": torch.ones(1)}, [torch.ones(1)]),
        ({"step": 1}, {"step": True}),
        (0.0, -0.0),
    ],
)
def test_what_differs_in_kind_differs(one, other):
    assert digest(one) != digest(other)


def test_sums_survive_the_next_call():
    one = Digester("cpu")
    first = one.word_sum(torch.ones(3))
    before = first.item()
    one.word_sum(torch.zeros(9))
    assert first.item() == before


def test_tensors_may_be_overwritten_after_they_were_added():
    batch, tensor = DigestBatch(), torch.ones(3)
    batch.add("x", tensor)
    tensor.zero_()
    assert batch.finish()[0]["x"] == digest(torch.ones(3))


def test_modes_of_torch_do_not_matter():
    tensor = torch.linspace(0, 1, BLOCK + 5)
    expected = Digester("cpu").word_sum(tensor).item()
    with torch.inference_mode():
        made_inside, inside = Digester("cpu"), tensor.clone()
        assert made_inside.word_sum(inside).item() == expected
    for later in (inside, tensor.clone().requires_grad_()):
        assert made_inside.word_sum(later).item() == expected


@pytest.mark.parametrize("count", [3, BLOCK + 5])
def test_the_default_device_does_not_matter(count):
    tensor = torch.linspace(0, 1, count)
    expected = digest(tensor)
    with torch.device("meta"):
        assert digest(tensor) == expected


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_thread_counts_do_not_matter(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert digest(torch.arange(3 * BLOCK, dtype=torch.float32)) == "06af54c0af12861e"
    finally:
        torch.set_num_threads(before)


def test_threads_do_not_share_scratch_memory():
    tensors = [torch.full((4 * BLOCK,), float(i)) for i in range(4)]
    expected, seen = [digest(tensor) for tensor in tensors], {}

    def work(place):
        seen[place] = {digest(tensors[place]) for _ in range(10)}

    workers = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert seen == {place: {expected[place]} for place in range(4)}


def test_a_global_generator_is_not_touched():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    digest(torch.ones(2 * BLOCK))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@settings(max_examples=20)
@given(hnp.arrays(np.complex64, 3), st.sampled_from([">f4", ">i8"]))
def test_unusual_numbers_are_read_too(array, order):
    values = np.arange(3).astype(order)
    values.flags.writeable = False
    assert digest(values) == digest(values.astype(values.dtype.newbyteorder("=")))
    conjugate = torch.from_numpy(array).conj()
    assert digest(conjugate) == digest(conjugate.resolve_conj()) == digest(array.conj())


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda batch: batch.add("x", torch.ones(1)), "channel 'x' was added"),
        (lambda batch: batch.add("y", object()), "can't digest a object"),
        (lambda batch: batch.add("y", torch.ones(2).to_sparse()), "make it dense first"),
        (lambda batch: batch.add_value("v", 1.0), "value 'v' was added"),
        (lambda batch: batch.add_value("w", torch.ones(2)), "must be one float"),
        (lambda batch: batch.add_value("w", torch.tensor(2)), "must be one float"),
    ],
)
def test_misuse_is_refused_and_says_why(act, message):
    batch = DigestBatch()
    batch.add("x", torch.ones(1))
    batch.add_value("v", 1.0)
    with pytest.raises((TypeError, ValueError), match=message):
        act(batch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_gives_the_same():
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool):
        for count in (0, 1, 1000, 130 * BLOCK + 3):
            tensor = (torch.arange(count) * 2654435761 % 65537 - 32768).to(dtype)
            assert digest(tensor) == digest(tensor.cuda()), (dtype, count)
    batch = DigestBatch("cuda")
    batch.add("mixed", [torch.ones(3, device="cuda"), torch.zeros(2)])
    batch.add("host", torch.ones(3))
    batch.add_value("value", torch.tensor(0.1, device="cuda"))
    digests, values = batch.finish()
    assert digests == {"mixed": digest([torch.ones(3), torch.zeros(2)]), "host": digest(torch.ones(3))}
    assert values == {"value": torch.tensor(0.1).item()}
