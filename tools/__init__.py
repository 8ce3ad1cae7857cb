"""Programs for maintainers; each tells with --help what it is for."""
