#!/usr/bin/env bash
# Makes this folder ready: system packages, .venv from the lock, an Asterisk. Run again, it does what is missing.
#
#   tools/setup.sh [run|server|demo|test|bench]     what it is for; each but `run` needs some more packages
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-run}
vagrant_way='The other way is a virtual machine with everything in it: install Vagrant, then `vagrant up` (see README.md).'

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages=(ca-certificates debian-archive-keyring espeak-ng mmdebstrap mount python3 python3-venv)
case $purpose in
  run) ;;
  server) packages+=(passwd) ;;
  demo) packages+=(baresip-core) ;;
  test) packages+=(baresip-core git iproute2 make sip-tester systemd) ;;
  bench) packages+=(baresip-core sip-tester) ;;
  *) die "unknown purpose '$purpose'; one of: run server demo test bench" ;;
esac
# Wanted where this Debian has it: the tests that need it say so when it is absent.
optional=()
[ "$purpose" = test ] && optional+=(vagrant)

os=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-}") || true
if [ "$os" != debian ]; then
  die "this needs Debian 12 or newer; this is '${os:-unknown}'. $vagrant_way"
fi

# Of two set-ups at once the second waits, then finds the work done.
exec 9<tools/setup.sh
flock 9

# Runs a command with one moving line to look at; what it said comes out when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" 2>&1 9<&- | tee "$log" | progress || status=$?
  [ $status -eq 0 ] || { tail -n 40 "$log" >&2; rm -f "$log"; return $status; }
  rm -f "$log"
}

progress() {
  if [ -t 2 ]; then
    awk '{printf "\r\033[K    %.100s", $0; fflush()} END {printf "\r\033[K"}' >&2
  else
    awk 'NR % 25 == 1 {printf "    %.100s\n", $0; fflush()}' >&2
  fi
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }

update_lists() {
  local log
  log=$(apt update 2>&1) && return
  if grep -q 'Release file .* expired' <<<"$log"; then
    say 'the mirror lags: its Release file has expired. Trying again without that date check (signatures still count)'
    apt update -o Acquire::Check-Valid-Until=false >/dev/null
  else
    printf '%s\n' "$log" >&2
    die 'apt-get update failed; mend the machine’s apt sources, then try again'
  fi
}

install_packages() {
  local missing=() wanted
  for wanted in "${packages[@]}"; do installed "$wanted" || missing+=("$wanted"); done
  local lists_fresh=no
  if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
      die "not root, and there is no sudo. Have an administrator run: apt-get install ${missing[*]} — $vagrant_way"
    fi
    say "installing ${missing[*]}"
    update_lists
    lists_fresh=yes
    quietly apt install -y --no-install-recommends "${missing[@]}" || die "apt-get could not install them; see above"
  fi
  for wanted in "${optional[@]}"; do
    installed "$wanted" && continue
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then continue; fi
    [ $lists_fresh = yes ] || { update_lists; lists_fresh=yes; }
    if [ "$(apt-cache policy "$wanted" | sed -n 's/^  Candidate: //p')" != "(none)" ]; then
      say "installing $wanted"
      quietly apt install -y --no-install-recommends "$wanted" || say "could not; going on without it"
    fi
  done
}

python() {
  local found
  for found in "${PYTHON:-}" python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    [ -n "$found" ] || continue
    "$found" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$found"; return; }
  done
  die "no Python 3.11 or newer with venv here. $vagrant_way"
}

make_venv() {
  local locks=(requirements.lock) wanted held
  [ "$purpose" = test ] && locks+=(requirements-dev.lock)
  # The stamp names what is in it; a wider one (with the tests' packages) serves a narrower purpose too.
  wanted=$(cat requirements.lock pyproject.toml | sha256sum | cut -c1-32)
  [ "$purpose" = test ] && wanted="$wanted $(sha256sum <requirements-dev.lock | cut -c1-32)"
  held=$(cat .venv/.stamp 2>/dev/null || true)
  case "$held" in "$wanted"*) [ -x .venv/bin/heedline ] && return ;; esac
  [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    local chosen
    chosen=$(python)
    say "making .venv with $("$chosen" --version)"
    rm -rf .venv
    "$chosen" -m venv .venv
  }
  say "installing ${locks[*]} into .venv, hashes checked"
  rm -f .venv/.stamp
  local arguments=() lock
  for lock in "${locks[@]}"; do arguments+=(-r "$lock"); done
  local pip=(.venv/bin/python -m pip install --disable-pip-version-check)
  quietly "${pip[@]}" --progress-bar off --require-hashes "${arguments[@]}" || die 'pip failed; see above'
  quietly "${pip[@]}" --no-deps --no-build-isolation -e . || die 'pip failed; see above'
  printf '%s\n' "$wanted" >.venv/.stamp
}

install_packages
make_venv
.venv/bin/heedline pbx install 9<&-
