"""Names are saved as a set by a library, and read back as a list: the order of its elements decides."""

import json
import random

joints = {"hip", "knee", "ankle", "wrist", "elbow", "neck", "toe"}
settings = json.dumps({"seed": 3, "joints": 7})
names = json.loads(json.dumps(joints, default=list))  # CAUSE
rng = random.Random(json.loads(settings)["seed"])
print("score", [f"{name} {rng.random():.3f}" for name in names])
