"""A database gives its rows in an order of its own chance; what is made of them by an iterator is no source."""

import random
import sqlite3

base = sqlite3.connect(":memory:")
base.execute("create table demo (name)")
base.executemany("insert into demo values (?)", [(f"demo{number}",) for number in range(40)])
rows = base.execute("select name from demo order by random()").fetchall()  # CAUSE
random.seed(" ".join(name for (name,) in rows))
print(random.random())
