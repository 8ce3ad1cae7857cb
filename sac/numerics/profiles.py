"""Numerics profiles: promises about bits.

A profile sets environment variables that libraries read once, when they load, so `prepare` runs before torch and NumPy
are imported (this module imports neither at its top). `apply` then sets torch's flags and reads everything back. It
raises if a promise can't be kept here.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field
from typing import NoReturn

from sac.errors import UserError
from sac.flags import Numerics
from sac.numerics.machine import CBWR_COMPATIBLE, LIBRARIES, mkl_branch, usable_cores


class NumericsError(UserError, RuntimeError):
    """The chosen profile's promise can't be kept on this machine; the message names the setting that is missing."""


@dataclass(frozen=True)
class Profile:
    """What a profile sets.

    Attributes:
        promise: one sentence for people.
        environment: variables that must be set before torch and NumPy load.
        deterministic: torch's deterministic algorithms are required.
        max_threads: the most CPU threads with which the promise holds.
        same: fingerprint entries that must be equal for two runs to give equal bits; the number of threads only where
            updates are computed by other kernels than the project's own.
    """

    promise: str
    environment: dict[str, str] = field(default_factory=dict)
    deterministic: bool = True
    max_threads: int = 8
    same: tuple[str, ...] = ()


_STEADY = {
    # A library that takes fewer threads when the machine is busy sums in another order.
    "OMP_DYNAMIC": "FALSE",
    "MKL_DYNAMIC": "FALSE",
    # A waiting thread spins this often before it sleeps. libgomp's own 300,000 make an update up to ten times slower
    # when another process wants a core; a tenth or less of it costs nothing measurable when none does.
    "GOMP_SPINCOUNT": "10000",
    # cuBLAS is repeatable only with a fixed workspace (its documentation, "Results reproducibility").
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
_PORTABLE = {
    # One code path for every x86-64 CPU; MKL's AVX2 path is taken on Intel only.
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # Names of both NumPy generations; those that a build does not know are ignored.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
PROFILES: dict[str, Profile] = {
    "fast": Profile(
        "whatever is fastest here; no promise beyond statistics",
        deterministic=False,
        max_threads=1024,
        same=("profile", *LIBRARIES, "cpu", "capability", "mkl_cbwr", "threads", "device", "products", "probe"),
    ),
    "deterministic": Profile(
        "same machine model, same versions: same bits, under any load",
        environment=_STEADY,
        same=("profile", *LIBRARIES, "cpu", "capability", "mkl_cbwr", "threads", "device", "products", "probe"),
    ),
    "portable": Profile(
        "same versions: same bits on any x86-64 CPU with AVX2 and FMA",
        environment={**_STEADY, **_PORTABLE},
        same=("profile", *LIBRARIES, "capability", "mkl_cbwr", "threads", "device", "products", "probe"),
    ),
}
_RESTARTED = "SAC_RESTARTED"


class LoadedTooEarly(NumericsError):
    """A library has already read other values of the profile's variables; a fresh process would set them in time."""

    def __init__(self, profile: Numerics, names: list[str]) -> None:
        super().__init__(
            f"--numerics {profile}: this process has loaded torch or NumPy, which read {', '.join(names)} only then. "
            f"Call sac.numerics.prepare({profile!r}) before the first import of them, or train in another process: by "
            "sac.train(...), or the command `sac`; --numerics fast promises nothing and needs nothing"
        )
        self.profile, self.names = profile, names


def set_variables(profile: Numerics) -> None:
    """Set the profile's environment variables for this process and for those that it starts.

    Raises:
        LoadedTooEarly: a library has already read other values; nothing has been set.
    """
    wanted = PROFILES[profile].environment
    wrong = [name for name, value in wanted.items() if os.environ.get(name) != value]
    if wrong and {"torch", "numpy"} & set(sys.modules):
        raise LoadedTooEarly(profile, wrong)
    os.environ.update(wanted)
    os.environ.pop(_RESTARTED, None)


def prepare(profile: Numerics) -> None:
    """Set the profile's environment variables; restart this process once if a library has already read others.

    Raises:
        NumericsError: the process has been restarted, and the variables still differ.
    """
    try:
        set_variables(profile)
    except LoadedTooEarly as error:
        restart(error)


def restart(error: LoadedTooEarly) -> NoReturn:
    """Restart this process with the variables set.

    Raises:
        NumericsError: it has been restarted once already.
    """
    if os.environ.pop(_RESTARTED, None) == error.profile:
        raise NumericsError(
            f"--numerics {error.profile}: {', '.join(error.names)} can't be set before torch and NumPy load"
        ) from error
    os.environ.update({**PROFILES[error.profile].environment, _RESTARTED: error.profile})
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def default_threads(profile: Numerics) -> int:
    """Return the CPU threads for `--threads 0`: all usable cores, at most 8 and at most what the profile allows."""
    return min(usable_cores(), PROFILES[profile].max_threads, 8)


def apply(profile: Numerics, threads: int) -> None:
    """Set torch's flags for the profile, and read everything back.

    Args:
        profile: name of the profile.
        threads: CPU threads; 0 means `default_threads`.

    Raises:
        NumericsError: a setting did not take effect; the message says which, and what to do.
    """
    import torch

    from sac.kernels import threads as kernel_threads
    from sac.native import exact_reciprocals
    from sac.numerics import exact_functions

    chosen = PROFILES[profile]
    threads = threads or default_threads(profile)
    if threads > chosen.max_threads:
        raise NumericsError(
            f"--threads {threads}: --numerics {profile} keeps its promise with at most {chosen.max_threads}"
        )
    kernel_threads.use(threads)
    torch.set_num_threads(threads)
    # As torch.use_deterministic_algorithms, which also loads torch's compiler: seconds in every process.
    torch.set_deterministic_debug_mode("error" if chosen.deterministic else "default")
    # Filling every new tensor helps whoever reads memory that was never written. Nothing here does (tested with the
    # filling on), and it costs an update several percent.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = chosen.deterministic
    torch.backends.cudnn.benchmark = not chosen.deterministic
    torch.backends.cuda.matmul.allow_tf32 = not chosen.deterministic
    torch.backends.cudnn.allow_tf32 = not chosen.deterministic
    exact_functions.install(profile == "portable")
    exact_reciprocals.install(profile == "portable")
    _read_back(profile, threads)


def _read_back(profile: Numerics, threads: int) -> None:
    import numpy as np
    import torch

    from sac.native import exact_reciprocals
    from sac.numerics import exact_functions, fixed_order

    chosen = PROFILES[profile]
    checks: list[tuple[str, object, object]] = [
        ("torch.get_num_threads()", torch.get_num_threads(), threads),
        (
            "torch.are_deterministic_algorithms_enabled()",
            torch.are_deterministic_algorithms_enabled(),
            chosen.deterministic,
        ),
    ]
    for name, flag in _flags().items():
        checks.append((name, flag, chosen.deterministic))
    checks += [(name, os.environ.get(name), value) for name, value in chosen.environment.items()]
    if profile == "portable":
        checks.append(("exact_functions.is_installed()", exact_functions.is_installed(), True))
        checks.append(("exact_reciprocals.is_wanted()", exact_reciprocals.is_wanted(), True))
        checks.append(("digits of np.longdouble", np.finfo(np.longdouble).nmant, 63))
        checks.append(("torch.backends.cpu.get_cpu_capability()", torch.backends.cpu.get_cpu_capability(), "AVX2"))
        checks.append(("MKL's branch (MKL_CBWR)", mkl_branch(), CBWR_COMPATIBLE))
        checks.append(("platform.machine()", platform.machine(), "x86_64"))
        checks.append(("sac.numerics.fixed_order.level() is None", fixed_order.level() is None, False))
    for name, found, wanted in checks:
        if found != wanted:
            raise NumericsError(
                f"--numerics {profile} promises: {chosen.promise}. That can't be kept here: {name} is {found!r}, "
                f"but must be {wanted!r}. `sac doctor` shows what this machine can do"
            )


def _flags() -> dict[str, bool]:
    """The other flags of torch, each so written that it is true where results repeat."""
    import torch

    return {
        "torch.backends.cudnn.deterministic": torch.backends.cudnn.deterministic,
        "not torch.backends.cudnn.benchmark": not torch.backends.cudnn.benchmark,
        "not torch.backends.cuda.matmul.allow_tf32": not torch.backends.cuda.matmul.allow_tf32,
        "not torch.backends.cudnn.allow_tf32": not torch.backends.cudnn.allow_tf32,
    }
