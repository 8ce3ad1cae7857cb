"""Where bits come from: profiles, the machine's fingerprint, and arithmetic of the project's own."""
