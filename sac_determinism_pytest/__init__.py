"""The pytest entry point of the package: the fixture `assert_deterministic`, which loads the package only when used.

pytest imports this module in every project of an environment that the package is installed in. It must not be part of
`sac`: ManiSkill's own script is called `sac.py`, and where a project holds one, `import sac` would find and run that.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).parents[1] / "sac" / "__init__.py"


@pytest.fixture
def assert_deterministic() -> Callable[..., None]:
    """`sac.why.plugin.assert_deterministic`: call a function in fresh processes, and fail where two of them part."""
    spec = importlib.util.find_spec("sac")
    found = Path(spec.origin).resolve() if spec is not None and spec.origin else None
    if found is not None and found != _PACKAGE.resolve():
        pytest.fail(
            f"assert_deterministic belongs to sac-determinism, whose package `sac` is hidden here by {found}: rename "
            " that file, or run pytest with --import-mode=importlib from another folder",
            pytrace=False,
        )
    from sac.why.plugin import assert_deterministic as function

    return function
