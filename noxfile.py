"""The project's checks. `./dev SESSION` runs one with everything installed; `nox -s SESSION` does where nox is there.

Each session has an environment of its own with the same packages in it, those of constraints.txt; `tests` runs five of
them in one. `./dev install` makes one to work in: `source .nox/install/bin/activate`.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST_TORCH = (2, 6)
LINK = "torch_of_the_user.pth"
# Named, not discovered: a plugin that happens to be importable (pytest-randomly reseeds) must not change a run.
PYTEST = ("python", "-m", "pytest", "-p", "timeout", "-p", "hypothesispytest", "-p", "benchmark")
# Two at a time: most tests wait for a process that they have started, or use one core.
# As they are collected, which is the longest first (tests/conftest.py); else those with the most tests would be.
SIDE_BY_SIDE = ("-p", "xdist", "--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder", "--durations=30")
PYTEST_ENV = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
# Whatever changes arithmetic or the interpreter is for the package to set, from the numerics profile; what the caller's
# shell happens to export is taken away. PYTHONHASHSEED is left free on purpose: no value of it may matter.
NOT_INHERITED = (
    *("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "DNNL_MAX_CPU_ISA", "NVIDIA_TF32_OVERRIDE"),
    *("GOMP_SPINCOUNT", "HYPOTHESIS_PROFILE", "NPY_DISABLE_CPU_FEATURES", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"),
    *("MKL_CBWR", "MKL_DYNAMIC", "MKL_NUM_THREADS", "OMP_DYNAMIC", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA"),
    # Without bytecode every one of the tests' processes would compile torch and the simulator again.
    "PYTHONDONTWRITEBYTECODE",
    *("PYTEST_ADDOPTS", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONWARNINGS"),
)
# uv does not read pip's settings: tell it where the caller wants packages from. Values: name, separator.
PIP_TO_UV = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", " "),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", " "),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS", ","),
    "PIP_CERT": ("SSL_CERT_FILE", " "),
}

for pip_name, (uv_name, separator) in PIP_TO_UV.items():
    if os.environ.get(pip_name):
        os.environ.setdefault(uv_name, separator.join(os.environ[pip_name].split()))
if os.environ.get("PIP_EXTRA_INDEX_URL"):
    # pip takes the best version among all indexes; so must uv, or an extra index hides the main one.
    os.environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")


RELIABILITY = tuple(
    f"tests/determinism/test_{name}.py"
    for name in (
        *("crash_safety", "lost_folder", "out_of_memory", "power_loss"),
        *("resume", "resume_workers", "workers"),
    )
)
GATE = ("tests/determinism", *(f"--ignore={file}" for file in RELIABILITY))
# The quick tests of `sac why` are among them; the rest of tests/why is for the night.
INTEGRATION = ("tests/integration", "tests/why/test_quick.py", "tests/why/drawn")
SCHEMAS = {
    "github-workflows": ".github/workflows/*.yml",
    "github-actions": ".github/actions/*/action.yml",
    "github-issue-forms": ".github/ISSUE_TEMPLATE/[0-9]*.yml",
    "github-issue-config": ".github/ISSUE_TEMPLATE/config.yml",
    "citation-file-format": "CITATION.cff",
}
"""Schema that check-jsonschema knows -> the files that must fit it."""


@nox.session
def tests(session: nox.Session) -> None:
    """All that a change must pass, in one environment: lint, unit, integration, determinism and reliability."""
    prepare(session)
    checks: dict[str, Callable[[], None]] = {
        "lint": lambda: run_lint(session),
        # Together, so that no core waits for the other at the end of each.
        "unit and integration": lambda: run_pytest(session, "unit", *SIDE_BY_SIDE, "tests/unit", *INTEGRATION),
        "determinism and reliability": lambda: run_pytest(session, "determinism", *SIDE_BY_SIDE, "tests/determinism"),
    }
    failed = [name for name, check in checks.items() if not passes(session, name, check)]
    if failed:
        session.error(f"failed: {', '.join(failed)}")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, mypy, imports and the picture of them; schemas of what GitHub reads; the workflows' safety."""
    prepare(session)
    run_lint(session, *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """The unit tests."""
    prepare(session)
    run_pytest(session, "unit", *SIDE_BY_SIDE, "tests/unit")


@nox.session
def integration(session: nox.Session) -> None:
    """What starts processes, trains, or plays whole episodes of the simulator; and the quick tests of `sac why`."""
    prepare(session)
    run_pytest(session, "integration", *SIDE_BY_SIDE, *INTEGRATION)


@nox.session
def determinism(session: nox.Session) -> None:
    """The determinism gate: equal seeds give equal bits, on the real simulator."""
    prepare(session)
    run_pytest(session, "determinism", *SIDE_BY_SIDE, *GATE)


@nox.session
def reliability(session: nox.Session) -> None:
    """Runs that are killed and resumed, and their worker processes: equal bits whatever happens, nothing lost."""
    prepare(session)
    run_pytest(session, "reliability", *SIDE_BY_SIDE, *RELIABILITY)


@nox.session
def why(session: nox.Session) -> None:
    """`sac why` on scripts with one planted cause each, on whole programs, and on hundreds of drawn ones."""
    prepare(session, "stable-baselines3")
    session.env["SAC_WHY_DRAWN"] = os.environ.get("SAC_WHY_DRAWN", "300")
    run_pytest(session, "why", "tests/why", "--durations=30")


@nox.session
def mutants(session: nox.Session) -> None:
    """Plant faults in copies of the tree, one at a time: the tests must catch each, the ledger name its channel.

    `-- --sample 8` takes a few of the quick ones, `-- --room replay` those of one part. Single last bits come after.
    """
    prepare(session)
    session.run("python", "-m", "tools.mutants", *session.posargs, env={"PYTHONPATH": str(ROOT)})
    if not session.posargs:
        session.run("python", "-m", "tools.mutants.flips", env={"PYTHONPATH": str(ROOT)})


@nox.session
def stability(session: nox.Session) -> None:
    """Run the determinism gate 30 times under load, ten times in a drawn order: hours. `-- --runs 3` for a taste."""
    prepare(session)
    command = ("python", "-m", "tools.stability", *session.posargs)
    session.run(*command, "--", *GATE, env={"PYTHONPATH": str(ROOT)})


@nox.session
def resume(session: nox.Session) -> None:
    """StackCube-v1 with 4 environments, killed in mid-episode at 10 points and resumed, must end equal.

    `-- --case issue_1250` is the command of ManiSkill's issue 1250, in the midst of learning.
    """
    prepare(session)
    session.run("python", "-m", "tools.kill_points", *session.posargs, env={"PYTHONPATH": str(ROOT)})


@nox.session
def nightly(session: nox.Session) -> None:
    """The same tests with many new examples."""
    prepare(session)
    session.env["HYPOTHESIS_PROFILE"] = "nightly"
    folders = ("tests/unit", "tests/integration", "tests/determinism")
    run_pytest(session, "nightly", *folders, "--durations=20", "--timeout=7200")


@nox.session
def perf(session: nox.Session) -> None:
    """The performance gate: against the revision where the branch left main, or `-- --base REV`."""
    prepare(session)
    session.run("sac", "bench", "compare", *session.posargs)


@nox.session(name="perf-calibrate")
def perf_calibrate(session: nox.Session) -> None:
    """The performance gate's own test, on planted slowdowns and none: over an hour, `-- --repeats 2` for a taste."""
    prepare(session)
    session.run("sac", "bench", "calibrate", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Time each part with pytest-benchmark; `-- --benchmark-json F` keeps the figures."""
    prepare(session)
    run_pytest(session, "benchmarks", "tests/perf")


@nox.session
def golden(session: nox.Session) -> None:
    """Check the committed ledgers; `-- --update` rewrites them and shows what changed."""
    prepare(session)
    session.run("sac", "golden", *session.posargs)


@nox.session
def portability(session: nox.Session) -> None:
    """Compare the ledgers of emulated CPU models with this CPU's; what follows `--` are flags of `sac train`."""
    prepare(session)
    session.run("python", "-m", "tools.portability", *session.posargs)


@nox.session
def install(session: nox.Session) -> None:
    """Make an environment to work in, with the `sac` command: `.nox/install`."""
    prepare(session)
    session.run("python", "-c", "import sys, torch; print('torch', torch.__version__, 'in', sys.prefix)")


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/ and check what is in them; `-- --tag v0.1.0` checks the version too."""
    # The pinned build backend: the same commit gives the same bytes.
    session.install("--constraint", str(CONSTRAINTS), "hatchling")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.run("python", "-m", "hatchling", "build")
    session.run("python", "-m", "tools.distribution", "dist", *session.posargs)


@nox.session(venv_backend="none")
def lock(session: nox.Session) -> None:
    """Rewrite constraints.txt from pyproject.toml; `-- torch==X` chooses the torch."""
    pin = session.posargs[0] if session.posargs else f"torch=={pinned_torch()}"
    wanted = Path(session.create_tmp()) / "torch.txt"
    wanted.write_text(pin + "\n")
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10", "--all-extras"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--upgrade", "--constraint", str(wanted)]
    # Built from the index alone: a wheel that lies on this machine must not decide for all.
    elsewhere = dict.fromkeys(("UV_FIND_LINKS", "UV_TORCH_BACKEND"))
    resolved = session.run(*command, "pyproject.toml", env=elsewhere, external=True, silent=True)
    # torch pins its own CUDA libraries, and another torch wants others.
    cuda = re.compile(r"(triton|cuda-|nvidia-(?!ml-py))")
    lines = [line for line in str(resolved).splitlines() if "==" in line and not cuda.match(line)]
    CONSTRAINTS.write_text("# Made by `./dev lock`; usable as pip's -c file.\n" + "\n".join(lines) + "\n")
    session.log(f"{CONSTRAINTS.name}: {len(lines)} pins")


def passes(session: nox.Session, name: str, check: Callable[[], None]) -> bool:
    """Run one check and say how long it took; a failure is told, and the next check runs all the same."""
    begun = time.monotonic()
    session.log(f"{name}: begins")
    try:
        check()
    except CommandFailed:
        session.warn(f"{name}: FAILED after {time.monotonic() - begun:.0f} s")
        return False
    session.log(f"{name}: passed in {time.monotonic() - begun:.0f} s")
    return True


def run_lint(session: nox.Session, *arguments: str) -> None:
    """Run what needs no test; the arguments are for `ruff check`."""
    session.run("ruff", "check", *arguments)
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports", "--no-logo", "--no-cache")
    session.run("python", "-m", "tools.architecture", "--check")
    for schema, pattern in SCHEMAS.items():
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *sorted(map(str, ROOT.glob(pattern))))
    session.run("zizmor", "--offline", "--quiet", "--no-progress", ".github")


def run_pytest(session: nox.Session, name: str, *arguments: str) -> None:
    """Run pytest and leave the folders of failed tests under test-runs/NAME."""
    folder = ROOT / "test-runs" / name
    folder.parent.mkdir(exist_ok=True)
    session.run(*PYTEST, f"--basetemp={folder}", *arguments, *session.posargs, env=PYTEST_ENV)


def prepare(session: nox.Session, *others: str) -> None:
    """Install the package, its pinned dependencies and the chosen torch, and others that only this session needs."""
    session.env.update(dict.fromkeys(NOT_INHERITED))
    choice = torch_choice(session)
    constraints = CONSTRAINTS
    options: list[str] = []
    if choice != "pinned":
        scratch = Path(session.create_tmp())
        session.env.pop("TMPDIR", None)
        constraints = scratch / "constraints.txt"
        pins = CONSTRAINTS.read_text().splitlines()
        constraints.write_text("".join(f"{pin}\n" for pin in pins if not pin.startswith("torch==")))
        if choice == "installed" and session.venv_backend == "uv":
            # uv does not count what a .pth file brings: tell it that nobody needs torch.
            overrides = scratch / "overrides.txt"
            overrides.write_text('torch ; python_version < "3"\n')
            options = ["--overrides", str(overrides)]
    link_torch(session, choice == "installed")
    if choice not in {"installed", "pinned"}:
        session.install(choice)
    session.install("--constraint", str(constraints), *options, "--editable", ".[dev]", *others)


def torch_choice(session: nox.Session) -> str:
    """Say which torch to test with: `installed`, `pinned`, or a requirement.

    SAC_TORCH decides. Without it, a torch that this interpreter can import is taken as it is, whatever its build; where
    there is none, the version in constraints.txt is installed.
    """
    wanted = os.environ.get("SAC_TORCH", "").strip()
    if wanted not in {"", "installed"}:
        return wanted
    same_python = session.python in {None, True, "{}.{}".format(*sys.version_info[:2]), sys.executable}
    folder, trouble = installed_torch() if same_python else (None, "the session runs on another Python")
    if folder:
        return "installed"
    if wanted == "installed":
        session.error(f"SAC_TORCH=installed, but {sys.executable} offers no torch to use: {trouble}")
    return "pinned"


@functools.cache
def installed_torch() -> tuple[Path | None, str]:
    """Find the folder from which this interpreter imports a usable torch, or say why there is none."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None, "it has none"
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None, "its torch has no version"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_TORCH:
        return None, f"torch {version} is too old"
    if subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, check=False).returncode:
        return None, f"importing its torch {version} fails"
    return Path(spec.origin).parents[1], ""


def link_torch(session: nox.Session, wanted: bool) -> None:
    """Let the session's environment import the caller's torch, behind its own packages; or stop it doing so."""
    (site,) = Path(session.virtualenv.location).glob("lib/python*/site-packages")
    link = site / LINK
    if not wanted:
        link.unlink(missing_ok=True)
        return
    folder, _ = installed_torch()
    session.log(f"torch {importlib.metadata.version('torch')} of {sys.executable} is used (SAC_TORCH=pinned: do not)")
    if (site / "torch").exists():
        uninstall = ["uv", "pip", "uninstall"] if session.venv_backend == "uv" else ["pip", "uninstall", "--yes"]
        session.run(*uninstall, "torch", external=True)
    link.write_text(f"{folder}\n")


def pinned_torch() -> str:
    """Read the version of torch in constraints.txt."""
    (version,) = re.findall(r"^torch==(\S+)", CONSTRAINTS.read_text(), re.MULTILINE)
    return str(version)
