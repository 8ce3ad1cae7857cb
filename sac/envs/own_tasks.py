"""Tasks that people register in packages and scripts of their own: where every process that needs one finds it.

A process that steps environments imports what registers the task: the module in front of the colon of an `--env_id`
(gymnasium's own form, `my_package.tasks:MyPush-v1`), and what `--import` names.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from sac.config import TrainConfig
from sac.envs.errors import BadEnvironment

_OURS = ("mani_skill.", "sac.")
_FILE_PREFIX = "sac_task_file_"
_importing: list[str] = []


def registered_name(env_id: str) -> str:
    """The name under which a task is registered: what stands behind the colon, where there is one."""
    return env_id.rpartition(":")[2]


def is_point(env_id: str) -> bool:
    """Whether the built-in point task is meant, which needs no simulator."""
    return env_id.lower() == "point" or env_id.lower().startswith("point-v")


def import_tasks(env_id: str, imports: Sequence[str]) -> None:
    """Import what registers the task; what this process has imported already is not run again.

    Raises:
        BadEnvironment: a module can't be imported; the message names the flag and the reason.
    """
    module = env_id.rpartition(":")[0]
    for name in imports:
        _import(name, f"--import {name}")
    if module:
        _import(module, f"--env_id {env_id}")


def with_origin(config: TrainConfig, workers: int) -> TrainConfig:
    """The configuration with the module or script in which this very process has registered the task.

    So worker processes, `sac eval` and `--resume` find a task that a script registers and trains.

    Args:
        config: of a run that begins.
        workers: number of worker processes; 0 where this process steps the environments.

    Raises:
        BadEnvironment: it was registered where no other process can look, and worker processes are to step it.
    """
    cls = _registered_class(config.env_id)
    if cls is None or config.imports or ":" in config.env_id or cls.__module__.startswith(_OURS):
        return config
    origin = _origin(sys.modules.get(cls.__module__))
    if origin is not None:
        return replace(config, imports=(origin,))
    if workers:
        raise BadEnvironment(
            f"--env_id {config.env_id!r} is registered in an interactive session, where worker processes can't find "
            "it: put it into a Python file and name that with imports=..., or step it here with workers='serial'"
        )
    return config


def require_no_import() -> None:
    """Refuse to train while a script is imported for the sake of its task.

    Raises:
        BadEnvironment: the script would train again in every process that needs its task.
    """
    if _importing:
        raise BadEnvironment(
            f"{_importing[-1]} trains when it is imported, and worker processes import it to find its task: put the "
            'training under `if __name__ == "__main__":`'
        )


def _registered_class(env_id: str) -> Any:
    """The class of a task that is registered in this process; None where it is not, or ManiSkill is not loaded."""
    registration: Any = sys.modules.get("mani_skill.utils.registration")
    found = registration.REGISTERED_ENVS.get(env_id) if registration else None
    return found.cls if found else None


def _origin(module: ModuleType | None) -> str | None:
    """What `--import` has to name for another process to find this module: its name, or the path of its file."""
    file = getattr(module, "__file__", None)
    if module is None or file is None or not Path(file).is_file():
        return None
    by_name = module.__name__ != "__main__" and not module.__name__.startswith(_FILE_PREFIX)
    return module.__name__ if by_name else str(Path(file).resolve())


def _import(name: str, flag: str) -> None:
    with _searched(name), _own_settings():
        _importing.append(name)
        try:
            if name.endswith(".py"):
                _import_file(Path(name).expanduser())
            else:
                importlib.import_module(name)
        except Exception as error:  # whatever a stranger's module raises is the answer
            raise BadEnvironment(f"{flag}: {_reason(name, error)}") from error
        finally:
            _importing.pop()


def _import_file(path: Path) -> None:
    """Run a Python file as a module, once in a process."""
    path = path.resolve()
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    name = _FILE_PREFIX + str(path).encode("utf-8", "surrogateescape").hex()
    if name in sys.modules or (main is not None and Path(main).resolve() == path):
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ModuleNotFoundError(f"there is no file {path}", name=str(path))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


@contextmanager
def _searched(name: str) -> Iterator[None]:
    """Look in the working directory too, as `python -m` does, and beside a file that is imported.

    Behind everything else: people keep files there whose names are those of installed packages (`sac.py`, for one).
    They stay on the path, since a task may import more when it is built.
    """
    folder = Path(name).expanduser().resolve().parent if name.endswith(".py") else Path.cwd()
    if str(folder) not in sys.path and not (folder == Path.cwd() and "" in sys.path):
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    yield


@contextmanager
def _own_settings() -> Iterator[None]:
    """Keep torch's settings that the numerics profile has made, whatever a module sets when it is imported."""
    import torch

    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    kind = torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        torch.set_default_dtype(kind)


def _reason(name: str, error: Exception) -> str:
    """Say in one line why an import failed."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "") in (name, name.partition(".")[0], str(Path(name))):
        return (
            f"can't be imported: {error}. Python looks where its packages are, in PYTHONPATH, and in the working "
            f"directory {os.getcwd()}"
        )
    if isinstance(error, BadEnvironment):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"fails when it is imported: {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
