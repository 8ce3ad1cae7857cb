"""Small scripts with one planted cause each; the line that must be named is marked `# CAUSE`. See `declared`."""
