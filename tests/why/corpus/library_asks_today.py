"""A seed is made of what a library says of today, as the resolver of a configuration file does."""

import random
from mailbox import mboxMessage

letter = mboxMessage()
letter.set_from("trainer", True)  # CAUSE
random.seed("".join(filter(str.isdigit, letter.get_from())))
print(random.random())
