#!/usr/bin/env bash
# Runs GATE_SETUP once and GATE_COMMAND twice in fresh shells, then compares the ledgers of the two runs.
# Exit status: 0 equal, 1 diverged, 2 a command failed or the runs can't be compared.
set -euo pipefail

: "${GATE_COMMAND:?give the command that trains into the run folder \"\$SAC_RUN_DIR\"}"
keep="${GATE_KEEP:-twin-gate-runs}"
summary="${GITHUB_STEP_SUMMARY:-/dev/null}"
mkdir -p "$keep"
keep="$(cd "$keep" && pwd)"

stop() {
  echo "twin gate: $1" >&2
  printf '## Twin gate: %s\n' "$1" >>"$summary"
  exit 2
}

if [[ -n "${GATE_SETUP:-}" ]]; then
  bash -euo pipefail -c "$GATE_SETUP" || stop "the setup step failed with status $?"
fi

for number in 1 2; do
  export SAC_RUN_DIR="$keep/run-$number"
  [[ ! -e "$SAC_RUN_DIR" ]] || stop "$SAC_RUN_DIR exists already: give another folder to keep the runs in"
  # Another hash seed in each run: a command whose result depends on it has no seed of its own.
  PYTHONHASHSEED="$number" bash -euo pipefail -c "$GATE_COMMAND" || stop "run $number failed with status $?"
  [[ -f "$SAC_RUN_DIR/ledger.jsonl" ]] || stop "run $number left no ledger.jsonl in \$SAC_RUN_DIR ($SAC_RUN_DIR)"
done

status=0
sac diff "$keep/run-1" "$keep/run-2" || status=$?
sac report "$keep/run-1" "$keep/run-2" --output "$keep/report.html" --markdown "$keep/report.md"
cat "$keep/report.md" >>"$summary"
exit "$status"
