"""`sac doctor`: what this machine can do, what is missing, and how to fix it."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sac.commands.parsers import doctor_parser
from sac.display.terminal import say
from sac.display.visible import one_line
from sac.envs.workers.pool import resolve_workers
from sac.flags import Numerics
from sac.numerics import machine, profiles
from sac.processes import python_command

_APPLY = "from sac.numerics import profiles as n\nn.prepare({0!r})\nn.apply({0!r}, 0)"
_PROBE = "\nfrom sac.envs.maniskill.physics_probe import probe_physics\nprint(probe_physics()['simulator.contacts'])"


_FOUND = dict(os.environ)
"""The variables as the shell has set them."""


@dataclass(frozen=True)
class DoctorFinding:
    """One line of the report; the exit status is 1 if a `needed` one fails."""

    name: str
    good: bool
    text: str
    needed: bool = True


def doctor_command(arguments: Sequence[str]) -> int:
    """Run `sac doctor`: return 0 if training on the CPU works, else 1."""
    doctor_parser().parse_args(list(arguments))
    # The renderer first: building a task without one puts null materials in its place.
    renderer = _renderer()
    findings = [*_versions(), *_profiles(), _scripts(), _simulator(), _physics(), renderer, _gpu(), _gpu_physics()]
    for finding in findings:
        mark = "ok " if finding.good else ("BAD" if finding.needed else "off")
        say(f"{mark}  {finding.name:24} {one_line(finding.text)}")
    return 0 if all(finding.good for finding in findings if finding.needed) else 1


def _versions() -> list[DoctorFinding]:
    supported = (3, 10) <= sys.version_info[:2] <= (3, 12)
    python = f"{platform.python_version()}" + ("" if supported else ": mani_skill needs 3.10 to 3.12")
    findings = [DoctorFinding("python", supported, python)]
    for name, version in machine.library_versions().items():
        text = version if version != "absent" else f"absent: pip install {name}"
        findings.append(DoctorFinding(name, version != "absent", text))
    cores = machine.usable_cores()
    findings.append(DoctorFinding("cpu", True, f"{machine.cpu_model()}, {cores} cores for this process"))
    workers = resolve_workers("auto", 1024)
    text = f"--workers auto takes {workers} processes, or as many as there are environments"
    findings.append(DoctorFinding("workers", True, text if workers else "--workers auto is serial: one usable core"))
    return findings


def _profiles() -> list[DoctorFinding]:
    """Try in a fresh process whether each numerics profile can keep its promise."""
    findings: list[DoctorFinding] = []
    for name, profile in profiles.PROFILES.items():
        done = _fresh(_APPLY.format(name))
        text = profile.promise if done.returncode == 0 else _last_words(done)
        findings.append(DoctorFinding(f"--numerics {name}", done.returncode == 0, text, needed=name != "portable"))
    return findings


def _scripts() -> DoctorFinding:
    """Whether a script that loads torch before `sac` could keep the default profile, called from this shell."""
    name: Numerics = "deterministic"
    wanted = profiles.PROFILES[name].environment
    unset = [variable for variable, value in wanted.items() if _FOUND.get(variable) != value]
    if not unset:
        return DoctorFinding("own scripts", True, f"this shell has set what --numerics {name} needs", needed=False)
    text = f"this shell has not set {', '.join(unset)}: a script that trains in its own process must call "
    text += f"sac.numerics.prepare({name!r}) before it imports torch or NumPy, or use sac.train(...)"
    return DoctorFinding("own scripts", False, text, needed=False)


def _simulator() -> DoctorFinding:
    """Digest how the simulator computes here, as fingerprints do: it computes alike on machines with equal digests."""
    digests = []
    for profile in ("portable", "deterministic"):
        done = _fresh(_APPLY.format(profile) + _PROBE)
        if done.returncode:
            return DoctorFinding("simulator", False, _last_words(done), needed=False)
        digests.append(done.stdout.split()[-1])
    text = f"{digests[0]} under portable, which makes reciprocals exact; else {digests[1]}, with this CPU's own"
    return DoctorFinding("simulator", True, text, needed=False)


def _fresh(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this package in a fresh process."""
    environment = {key: value for key, value in os.environ.items() if key != "SAC_RESTARTED"}
    return subprocess.run(python_command(program), capture_output=True, text=True, check=False, env=environment)


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]


def _physics() -> DoctorFinding:
    """Try whether a task can be built and stepped on PhysX's CPU back end."""
    from sac.envs.factory import make_vector_env
    from sac.streams import EpisodeSeeds

    try:
        envs = make_vector_env(
            "PushCube-v1",
            1,
            EpisodeSeeds(0, "doctor"),
            control_mode=None,
            ignore_terminations=True,
            reconfiguration_freq=None,
            sim_backend="physx_cpu",
        )
        envs.reset()
        envs.close()
    except Exception as error:  # whatever a broken installation raises is the finding
        return DoctorFinding("physx_cpu", False, f"PushCube-v1 can't be built: {error}")
    return DoctorFinding("physx_cpu", True, "PushCube-v1 builds and resets")


def _renderer() -> DoctorFinding:
    headless = importlib.import_module("sac.envs.maniskill.headless")
    try:
        headless.import_or_explain("sapien")
    except ImportError as error:
        return DoctorFinding("renderer", False, str(error), needed=False)
    failure = headless.find_renderer_failure()
    if failure is None:
        return DoctorFinding("renderer", True, "found: --capture_video works", needed=False)
    hint = "training works without one; for videos install a Vulkan driver (on a CPU: Mesa 25 or newer)"
    return DoctorFinding("renderer", False, f"{failure}; {hint}", needed=False)


def _gpu() -> DoctorFinding:
    import torch

    if torch.cuda.is_available():
        return DoctorFinding("cuda", True, torch.cuda.get_device_name(), needed=False)
    reason = "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no device"
    return DoctorFinding("cuda", False, f"{reason}; --device cpu is used", needed=False)


def _gpu_physics() -> DoctorFinding:
    found = sorted((Path.home() / ".sapien" / "physx").glob("*/libPhysXGpu_64.so"))
    if found:
        return DoctorFinding("physx_cuda", True, str(found[-1]), needed=False)
    text = "libPhysXGpu_64.so is not under ~/.sapien/physx: --sim_backend physx_cuda can't run"
    return DoctorFinding("physx_cuda", False, text, needed=False)
