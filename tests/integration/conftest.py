"""What integration tests share: what they start can be interrupted."""

import signal

# Whoever started the tests in the background had Ctrl-C ignored, and that is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
