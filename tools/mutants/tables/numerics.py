"""Promises about bits that nobody keeps."""

from tools.mutants.mutant import Mutant, Room

PROFILES = "sac/numerics/profiles.py"
MATMUL = "sac/numerics/matmul.py"

ROOM = Room(
    "numerics",
    ("tests/unit/numerics", "tests/unit/commands/test_golden.py", "tests/unit/learner/test_portable.py"),
    (
        Mutant(
            "nothing is read back",
            PROFILES,
            "        if found != wanted:\n",
            "        if found is None and wanted is None:\n",
            "a promise that can't be kept is made all the same",
        ),
        Mutant(
            "deterministic algorithms left off",
            PROFILES,
            '"error" if chosen.deterministic else "default"',
            '"default"',
            "torch may choose algorithms that don't repeat",
        ),
        Mutant(
            "MKL takes its own branch",
            PROFILES,
            '    "MKL_CBWR": "COMPATIBLE",\n',
            "",
            "portable products depend on the CPU's vendor",
        ),
        Mutant(
            "threads never count",
            "sac/numerics/fingerprint.py",
            'if name == "threads" and a.get("products") == b.get("products") == FIXED_ORDER:',
            'if name == "threads":',
            "other kernels than the project's sum in as many parts as there are threads, and that passes as the same",
        ),
        Mutant(
            "exact functions left out",
            PROFILES,
            'exact_functions.install(profile == "portable")',
            "exact_functions.install(False)",
            "portable takes functions whose last bit is the vendor's",
            tests=("tests/unit/numerics", "tests/integration/numerics/test_profiles.py"),
        ),
        Mutant(
            "probes of both sides alone",
            "sac/numerics/fingerprint.py",
            "sorted(pa.keys() | pb.keys()) if pa.get",
            "sorted(pa.keys() & pb.keys()) if pa.get",
            "an operation that one fingerprint lacks is no difference",
        ),
        Mutant(
            "libraries are no difference",
            PROFILES,
            'same=("profile", *LIBRARIES, "capability", "mkl_cbwr", "threads", "device", "products", "probe"),',
            'same=("profile", "capability", "mkl_cbwr", "threads", "device", "products", "probe"),',
            "another version of a library passes as the same arithmetic",
        ),
        Mutant(
            "kernels that are not the project's",
            PROFILES,
            "fixed_order.level() is None, False))",
            "fixed_order.level() is None, fixed_order.level() is None))",
            "portable updates are computed by kernels whose order is a library's",
        ),
        Mutant(
            "weight gradients through BLAS",
            MATMUL,
            'out.copy_(self._linear(x.t(), gradient.t(), None, "none", [], ""))',
            "torch.mm(x.t(), gradient, out=out)",
            "another order of summation than the fingerprint's name says",
        ),
        Mutant(
            "another name for the same products",
            MATMUL,
            '    name = "onednn"\n',
            '    name = "onednn-2"\n',
            "every golden goes stale by itself, and nothing is checked any more",
        ),
        Mutant(
            "products of the device's BLAS",
            MATMUL,
            'if device.type == "cpu" and torch.backends.mkldnn.is_available() else',
            'if device.type == "mps" else',
            "another order of summation than the fingerprint's name says",
        ),
        Mutant(
            "angles rounded twice",
            "sac/numerics/exact_functions.py",
            "return function(x.astype(_WIDE)).astype(x.dtype)",
            "return function(x.astype(np.float64)).astype(x.dtype)",
            "an exact function is not exact",
        ),
    ),
    # At which channel another arithmetic shows depends on the CPU.
    trained=False,
)
