"""A seed is made of the time that a library has put into a record of the log."""

import logging
import random

record = logging.getLogger("lab").makeRecord("lab", logging.INFO, __file__, 1, "start", (), None)  # CAUSE
random.seed(int(record.created))
print(random.random())
