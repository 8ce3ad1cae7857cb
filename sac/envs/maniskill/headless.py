"""Runs state-based ManiSkill tasks on machines without a renderer (no Vulkan device).

SAPIEN's builders create render materials even when nothing is ever drawn, and that fails without a Vulkan device.
Null materials in their place let the physics be built. They go in only where no renderer is found.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from typing import Any

from sac.errors import UserError
from sac.native import exact_reciprocals

logger = logging.getLogger("sac.envs")

_MATERIAL_NAMES = ("RenderMaterial", "RenderTexture2D")
# Each of these modules holds its own reference to the classes; the last is imported by `mani_skill.envs`.
_HOLDERS = (
    "sapien.pysapien.render",
    "sapien.render",
    "sapien.wrapper.urdf_loader",
    "mani_skill.utils.building._mjcf_loader",
)
_DEBIAN_PACKAGES = {
    "libGL.so": "libgl1",
    "libgthread-2.0.so": "libglib2.0-0",
    "libglib-2.0.so": "libglib2.0-0",
    "libX11.so": "libx11-6",
    "libxcb.so": "libxcb1",
    "libgomp.so": "libgomp1",
}
_done: str | None = None


class MissingSystemLibrary(UserError, ImportError):
    """A shared library that OpenCV or SAPIEN loads is not installed; the message names the Debian package."""


class NullRenderObject:
    """Accepts any construction, attribute and method call of a render material, and does nothing."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __getattr__(self, name: str) -> Any:
        # Special names must stay missing, or copying and pickling would misread the null.
        if name.startswith("__"):
            raise AttributeError(name)
        return _ignore


def _ignore(*args: Any, **kwargs: Any) -> None:
    """Stand in for every method of a null render object."""


def prepare_rendering() -> str:
    """Make ManiSkill importable and its tasks buildable here; return one line that says what was done.

    Call it before `mani_skill.envs` is imported. Later calls do nothing and return the same line.

    Raises:
        MissingSystemLibrary: OpenCV or SAPIEN can't be imported because a system library is missing.
    """
    global _done
    if _done is None:
        import_or_explain("cv2")
        import_simulator()
        failure = find_renderer_failure()
        if failure is None:
            _done = "renderer found: SAPIEN's own materials are in use"
        else:
            install_null_materials()
            _done = f"no renderer ({failure}): null render materials installed, state observations only"
        logger.info(_done)
    return _done


def find_renderer_failure() -> str | None:
    """Return why SAPIEN can't create a render material here, or None where it can."""
    material = importlib.import_module("sapien.render").RenderMaterial
    if isinstance(material, type) and issubclass(material, NullRenderObject):
        return "null materials are in place already"
    try:
        material()
    except RuntimeError as error:
        return str(error)
    return None


def install_null_materials() -> None:
    """Replace the render classes wherever they are held, with one class everywhere: builders use `isinstance`."""
    for name in _MATERIAL_NAMES:
        null = type(name, (NullRenderObject,), {"__doc__": f"Null stand-in for SAPIEN's {name}."})
        for holder in _HOLDERS:
            module = sys.modules.get(holder) or _import_holder(holder)
            if module is not None and hasattr(module, name):
                setattr(module, name, null)


def _import_holder(holder: str) -> Any:
    """Import a module that holds render classes; ManiSkill's own is left to its later import, which sees the nulls."""
    return importlib.import_module(holder) if holder.startswith("sapien.") else None


def import_simulator() -> None:
    """Import SAPIEN, with exact reciprocals if the numerics profile asks for them.

    Raises:
        MissingSystemLibrary: it can't be imported because a system library is missing.
        NotReplaceable: the profile's promise can't be kept with this SAPIEN.
    """
    import_or_explain("sapien")
    exact_reciprocals.simulator_loaded()


def import_or_explain(module: str) -> None:
    """Import `module`, and turn a missing shared library into advice.

    Raises:
        MissingSystemLibrary: a shared library is missing; the message says how to install it.
        ImportError: it can't be imported for another reason.
    """
    try:
        with warnings.catch_warnings():
            # SAPIEN warns that it uses its own Vulkan loader; `prepare_rendering` says what matters.
            warnings.filterwarnings("ignore", message="Failed to find system libvulkan")
            importlib.import_module(module)
    except ImportError as error:
        advice = _explain_missing_library(module, str(error))
        if advice is None:
            raise
        raise MissingSystemLibrary(advice) from error


def _explain_missing_library(module: str, text: str) -> str | None:
    """Return the advice for a loader error such as 'libGL.so.1: cannot open shared object file'."""
    for library, package in _DEBIAN_PACKAGES.items():
        if library in text:
            return (
                f"{module} needs the system library {text.split(':')[0]}, which is not installed. On Debian or "
                f"Ubuntu: apt-get install {package} (ManiSkill needs libgl1 and libglib2.0-0)"
            )
    return None
