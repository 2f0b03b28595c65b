#!/bin/sh
# `make test`: sets up, runs every part, and ends with one line for each.
set -u
cd "$(dirname "$0")/.."

sh scripts/setup.sh test || exit 1

jobs=$(nproc 2>/dev/null || echo 1)
failed=0
summary=""
for part in format layers c-test build js-test type-test package-test; do
  printf '\n==> make %s\n' "$part"
  start=$(date +%s)
  if "${MAKE:-make}" --no-print-directory -j"$jobs" "$part"; then result=passed; else result=FAILED failed=1; fi
  summary="$summary$(printf '%-14s %s in %s s' "$part" "$result" $(($(date +%s) - start)))
"
done

printf '\n%s' "$summary"
exit $failed
