#!/usr/bin/env bash
# Runs GATE_SETUP once, then `sac gate` on GATE_COMMAND. GATE_HOME is a folder that holds the package `sac`; without it
# the `sac` that this shell finds is taken.
# Exit status: 0 the runs are equal, 1 they differ, 2 nothing is proved.
set -euo pipefail

: "${GATE_COMMAND:?give the command that trains once}"

stop() {
  echo "determinism gate: $1" >&2
  printf '## Nothing is proved\n\n%s\n' "$1" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  exit 2
}

if [[ -n "${GATE_SETUP:-}" ]]; then
  bash -euo pipefail -c "$GATE_SETUP" || stop "the setup step failed with status $?"
fi

sac_gate() {
  if [[ -n "${GATE_HOME:-}" ]]; then
    # Not by PYTHONPATH: the command inherits it, and must find its own packages alone.
    python -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); from sac.cli import program; sys.exit(program())' \
      "$GATE_HOME" gate "$@"
  else
    sac gate "$@"
  fi
}

options=(--trials "${GATE_TRIALS:-2}" --keep "${GATE_KEEP:-determinism-gate}")
while IFS= read -r pattern; do
  [[ -z "$pattern" ]] || options+=(--compare "$pattern")
done <<<"${GATE_COMPARE:-}"
[[ -z "${GATE_REQUIRE:-}" ]] || options+=(--require "$GATE_REQUIRE")

if [[ "$GATE_COMMAND" == *[$';&|<>()`$\n']* ]]; then
  # What only a shell understands, a shell runs.
  sac_gate "${options[@]}" -- bash -euo pipefail -c "$GATE_COMMAND"
else
  # Words and quotes alone: the command is started as it is.
  eval "words=($GATE_COMMAND)"
  sac_gate "${options[@]}" -- "${words[@]}"
fi
