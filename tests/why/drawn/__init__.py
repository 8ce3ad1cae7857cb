"""Programs that Hypothesis draws from a grammar, with one cause planted in each, or none."""
