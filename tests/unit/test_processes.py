"""A signal ends a program in order."""

from __future__ import annotations

import os
import signal

import pytest

from sac.processes import ended_by_signals


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_as_an_exception_does(kind):
    def before(number, frame):
        raise AssertionError("the handler of before")

    # Whoever started the tests under nohup had SIGHUP ignored, and that is inherited.
    inherited, cleaned = signal.signal(kind, before), []
    with pytest.raises(SystemExit) as ended, ended_by_signals():
        try:
            os.kill(os.getpid(), kind)
        finally:
            cleaned.append(kind)
    assert signal.signal(kind, inherited) is before
    assert ended.value.code == 128 + kind and cleaned == [kind]


def test_a_signal_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
