#!/bin/sh
# `make test`: sets up, runs every part, and ends with one line for each. Elsewhere than on Linux
# without the C tests, which put functions in the place of Linux's, and without the package test,
# which packs a binary for Linux.
set -u
cd "$(dirname "$0")/.."

sh scripts/setup.sh test || exit 1

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
parts="format layers build js-test type-test"
[ "$(uname)" != Linux ] || parts="format layers c-test build js-test type-test package-test"
failed=0
summary=""
for part in $parts; do
  printf '\n==> make %s\n' "$part"
  start=$(date +%s)
  if "${MAKE:-make}" --no-print-directory -j"$jobs" "$part"; then result=passed; else result=FAILED failed=1; fi
  summary="$summary$(printf '%-14s %s in %s s' "$part" "$result" $(($(date +%s) - start)))
"
done

printf '\n%s' "$summary"
exit $failed
