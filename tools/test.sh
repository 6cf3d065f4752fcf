#!/usr/bin/env bash
# All tests, in two halves side by side: those on the real PBX mostly wait for calls, the others mostly compute.
# The computing half reports when the other has ended. Fails when either fails.
set -um # job control: a half in the background must not ignore Ctrl-C, as some of its tests press it
cd "$(dirname "$0")/.." || exit 1
on_pbx=(tests/bench tests/pbx tests/peer)
said=$(mktemp)
.venv/bin/python -m pytest "${on_pbx[@]/#/--ignore=}" >"$said" 2>&1 &
computing=$!
trap 'kill -TERM -- "-$computing" 2>/dev/null; rm -f "$said"' EXIT
.venv/bin/python -m pytest "${on_pbx[@]}"
pbx=$?
wait "$computing"
status=$?
cat "$said"
exit $((pbx ? pbx : status))
