"""Digests that are equal where their contents are not."""

from tools.mutants.mutant import Mutant, Room

FILE = "sac/digest.py"

ROOM = Room(
    "digests",
    ("tests/unit/test_digest.py", "tests/unit/ledger/test_marks.py"),
    (
        Mutant(
            "order does not count",
            FILE,
            "np.multiply(mixed, self._keys[offset : offset + len(words)], out=mixed)",
            "np.multiply(mixed, self._keys[0], out=mixed)",
            "a permuted tensor has the same digest",
            "env.seed",
        ),
        Mutant(
            "pieces begin alike",
            FILE,
            "self._piece_sum(piece, offset)",
            "self._piece_sum(piece, 0)",
            "pieces of a block can change places",
            "param.critic",
        ),
        Mutant(
            "sums without a mix",
            FILE,
            "np.right_shift(mixed, 32, out=shifted)",
            "np.right_shift(mixed, 63, out=shifted)",
            "flips of several sign bits cancel",
            "env.seed",
        ),
        Mutant(
            "length does not count",
            FILE,
            "sums.reshape(()).add_(_signed(splitmix64(count)))",
            "sums.reshape(()).add_(_signed(splitmix64(0)))",
            "zeros at the end are not seen",
            "env.seed",
        ),
        Mutant(
            "shape does not count",
            FILE,
            "return path, str(leaf.dtype), tuple(leaf.shape)",
            "return path, str(leaf.dtype), leaf.numel()",
            "a reshaped tensor has the same digest",
            "env.seed",
        ),
        Mutant(
            "kind does not count",
            FILE,
            "return path, str(leaf.dtype), tuple(leaf.shape)",
            "return path, tuple(leaf.shape)",
            "integers and floats of the same bits have the same digest",
            "env.seed",
        ),
        Mutant(
            "blocks added up",
            FILE,
            "sums = self._sums.block_sums([sums.view(torch.int32)], 2 * sums.numel())",
            "sums = sums.sum().reshape(1)",
            "blocks can change places",
            "param.critic",
        ),
        Mutant(
            "half of the sum",
            FILE,
            "(word_sum & _MASK).to_bytes",
            "(word_sum & 0xFFFFFFFF).to_bytes",
            "one in four thousand millions of changes goes unseen",
            "env.seed",
        ),
        Mutant(
            "names do not count",
            FILE,
            "return path, type(leaf).__name__, repr(leaf)",
            "return type(leaf).__name__, repr(leaf)",
            "host values under other names have the same digest",
            "optim.critic",
        ),
        Mutant(
            "values rounded",
            FILE,
            "double = value.detach().reshape(()).to(torch.float64, copy=True)",
            "double = value.detach().reshape(()).to(torch.float32).to(torch.float64)",
            "the ledger's values are rounded to float32",
        ),
        Mutant(
            "marks without order",
            FILE,
            "(mixed ^ mixed >> 32).mul_(self._keys[: words.shape[1]]).sum(dim=1)",
            "(mixed ^ mixed >> 32).mul_(self._keys[:1]).sum(dim=1)",
            "a row's mark does not see its columns change places",
        ),
    ),
)
