"""Policy and environments in turns: transitions, evaluations, episode sums, videos."""
