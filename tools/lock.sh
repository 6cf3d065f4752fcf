#!/usr/bin/env bash
# Writes the two locks from pyproject.toml, with hashes; valid on every Python we support.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" install -q pip-tools
compile() {
  "$tool/bin/pip-compile" -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --allow-unsafe \
    --strip-extras --build-deps-for=editable "$@" pyproject.toml
}
compile --output-file=requirements.lock
compile --extra=dev --output-file=requirements-dev.lock
