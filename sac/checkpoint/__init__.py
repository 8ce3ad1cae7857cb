"""All of a training's state on disk, and how a run resumes from it."""
