"""What libraries warn of is shown once; errors, and what is not theirs, are shown each time."""

import logging
import warnings

import pytest

from sac.envs import quiet

LIBRARY, OURS = "/site-packages/gymnasium/spaces/box.py", "/somebody/train.py"


@pytest.fixture
def shown(monkeypatch):
    """All that is shown, of loggers and of warnings."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    loggers = [logging.getLogger(name) for name in quiet._LOGGERS]
    monkeypatch.setattr(quiet, "_ONCE", quiet._Once())
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: lines.append(str(message)))
    for logger in loggers:
        logger.addHandler(handler)
        monkeypatch.setattr(logger, "filters", [])
    yield lines
    for logger in loggers:
        logger.removeHandler(handler)


def warn(text, file):
    warnings.showwarning(UserWarning(text), UserWarning, file, 1)


@pytest.mark.parametrize("name", quiet._LOGGERS)
def test_a_logger_says_each_thing_once(shown, name):
    for _ in range(2):
        quiet.show_once()
        for text in ("no initial pose", "no planes"):
            logging.getLogger(name).warning(text)
    assert shown == ["no initial pose", "no planes"]


def test_errors_are_never_left_out(shown):
    quiet.show_once(silent=True)
    for _ in range(2):
        logging.getLogger("mani_skill").error("broken")
    assert shown == ["broken"] * 2


def test_a_librarys_warning_is_shown_once_and_others_always(shown):
    for _ in range(2):
        quiet.show_once()
        warn("precision lowered", LIBRARY)
        warn("precision lowered", OURS)
    assert shown == ["precision lowered"] * 3


def test_a_silent_process_leaves_it_to_another(shown):
    quiet.show_once(silent=True)
    quiet.show_once()
    warn("precision lowered", LIBRARY)
    logging.getLogger("mani_skill").warning("no planes")
    assert shown == []


def test_without_it_all_would_be_shown(shown):
    """Negative control."""
    for _ in range(2):
        warn("precision lowered", LIBRARY)
    assert len(shown) == 2
