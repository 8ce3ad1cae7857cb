"""The name of a run is made of a set's text, and the generator is seeded by that name."""

import random
import zlib


def run_name(tags):
    return f"walker-{tags}"  # CAUSE


name = run_name({"hip", "knee", "ankle", "wrist", "elbow", "neck", "toe"})
rng = random.Random(zlib.crc32(name.encode()))
print("reward", sum(rng.random() for _ in range(20)))
