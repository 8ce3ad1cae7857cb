#!/usr/bin/env bash
# Compares the working tree's speed with PERF_BASE, and leaves in PERF_KEEP: comparison.json, report.html and
# comment.md, the same in words. The code under test has made all of them. More flags of `sac bench compare` may follow.
# Exit status: 0 no slowdown, or undecided, which a notice says; 1 slowdown; 2 nothing could be compared.
set -euo pipefail

keep="${PERF_KEEP:-perf}"
summary="${GITHUB_STEP_SUMMARY:-/dev/null}"
: "${PERF_BASE:?give the revision to compare with}"
mkdir -p "$keep"
# An older one would be taken for what this comparison found.
rm -f "$keep/comparison.json"
comment="$keep/comment.md"
# A tool that posts the text finds its own earlier comment by this line.
printf '<!-- sac performance gate -->\n' >"$comment"

stop() {
  printf '### Benchmarks: %s\n' "$1" >>"$comment"
  cat "$comment" >>"$summary"
  echo "perf: $1" >&2
  exit 2
}

# The first push of a branch has no commit before it: GitHub says so with zeros.
if [[ "$PERF_BASE" =~ ^0+$ ]]; then
  PERF_BASE="HEAD~1"
fi
git rev-parse --verify --quiet --end-of-options "$PERF_BASE^{commit}" >/dev/null || stop "there is no revision $PERF_BASE here"

status=0
sac bench compare --base "$PERF_BASE" --json "$keep/comparison.json" --markdown "$comment" "$@" || status=$?
[[ -s "$keep/comparison.json" ]] || stop "the comparison failed with status $status; its log says why"
sac report "$keep/comparison.json" --output "$keep/report.html"
cat "$comment" >>"$summary"
if [[ "$status" == 4 ]]; then
  echo "::notice title=Benchmarks::undecided on this runner; see the summary"
  exit 0
fi
exit "$status"
