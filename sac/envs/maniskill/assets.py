"""Assets that a task needs and that are not on this machine: the answer is the command that fetches them.

ManiSkill keeps robots, objects and scenes outside its package. It asks on the terminal whether to download some of
them, which a worker process can't answer; of others it says nothing, and whatever opens the missing file fails.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sac.envs.errors import BadEnvironment


def require_assets(env_id: str, asset_ids: Sequence[str]) -> None:
    """Refuse a task whose registration names assets that are not downloaded.

    Raises:
        BadEnvironment: with the command that fetches them.
    """
    assets = importlib.import_module("mani_skill.utils.assets")
    for asset_id in asset_ids:
        group = asset_id in assets.DATA_GROUPS
        sources = assets.expand_data_group_into_individual_data_source_ids(asset_id) if group else [asset_id]
        if not all(assets.is_data_source_downloaded(source) for source in sources):
            raise _missing(env_id, asset_id)


@contextmanager
def telling_of_assets(env_id: str) -> Iterator[None]:
    """Within the block neither ask whether to download nor fail without a word on a file that is missing.

    Raises:
        BadEnvironment: an asset is missing; with the command that fetches it.
    """
    downloads: Any = importlib.import_module("mani_skill.utils.download_asset")
    asks = downloads.prompt_yes_no

    def refuse(question: str) -> bool:
        if os.environ.get("MS_SKIP_ASSET_DOWNLOAD_PROMPT") == "1":
            return bool(asks(question))
        robot = re.match(r"Robot (\S+) has assets", question)
        raise _missing(env_id, robot[1] if robot else env_id.rpartition(":")[2])

    downloads.prompt_yes_no = refuse
    try:
        yield
    except BadEnvironment:
        raise
    except Exception as error:
        explained = _explain(env_id, error)
        if explained is None:
            raise
        raise explained from error
    finally:
        downloads.prompt_yes_no = asks


def _explain(env_id: str, error: Exception) -> BadEnvironment | None:
    """The error for the user where something failed for want of an asset or a package; None for any other reason."""
    advised = re.search(r"mani_skill\.utils\.download_asset (\S+)", str(error))
    if advised:
        return _missing(env_id, advised[1].strip("`'\"."))
    if isinstance(error, ImportError):
        return BadEnvironment(f"--env_id {env_id!r} needs a package that is not installed: {error}")
    found = _missing_file(error)
    return _missing(env_id, _source_of(found), found) if found else None


def _missing_file(error: BaseException | None) -> Path | None:
    """The file below the asset folder for want of which something failed; None where that is not the reason."""
    root = Path(importlib.import_module("mani_skill").ASSET_DIR)
    while error is not None:
        named = getattr(error, "filename", None)
        texts = [os.fsdecode(named)] if isinstance(named, str | bytes) else []
        texts += re.findall(re.escape(str(root)) + r"[^\s'\"]*", str(error))
        for text in texts:
            path = Path(text.rstrip(".,;:)"))
            if path.is_relative_to(root) and not path.exists():
                return path
        error = error.__cause__ or error.__context__
    return None


def _source_of(path: Path) -> str | None:
    """ManiSkill's name of what the file belongs to: the closest folder that can be fetched."""
    assets = importlib.import_module("mani_skill.utils.assets")
    folders = {
        Path(source.output_dir) / source.target_path: name
        for name, source in assets.DATA_SOURCES.items()
        if source.target_path is not None
    }
    above = [folder for folder in (path, *path.parents) if folder in folders]
    return folders[above[0]] if above else None


def _missing(env_id: str, asset_id: str | None, path: Path | None = None) -> BadEnvironment:
    command = "python -m mani_skill.utils.download_asset"
    if asset_id is None:
        return BadEnvironment(
            f"--env_id {env_id!r} needs {path}, which is not there; `{command} --list scene` lists some"
        )
    return BadEnvironment(f"--env_id {env_id!r} needs assets that are not downloaded; run: {command} {asset_id}")
