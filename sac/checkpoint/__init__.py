"""All of a training's state on the disk, and how a run goes on from it."""
