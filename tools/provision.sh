#!/usr/bin/env bash
# Makes a Debian machine a Heedline machine: user, program in /opt/heedline, home in /var/lib/heedline, services.
# Run as root from a checkout; run again, it updates. The Vagrantfile runs it; so can you on a server.
set -euo pipefail
source_folder=$(cd "$(dirname "$0")/.." && pwd)
program=/opt/heedline
home=/var/lib/heedline
spool=/run/heedline/spool

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
[ "$(id -u)" -eq 0 ] || { echo 'provision: must run as root' >&2; exit 1; }
as_heedline() { HEEDLINE_HOME=$home setpriv --reuid=heedline --regid=heedline --clear-groups --no-new-privs "$@"; }

if [ "$source_folder" != "$program" ]; then
  say "copying the program to $program"
  install -d -m 0755 "$program"
  # What belongs to the machine it came from stays there: its venv, its home, its caches.
  tar -C "$source_folder" -cf - --exclude=./.venv --exclude=./var --exclude=./.git --exclude='*.egg-info' \
    --exclude=__pycache__ --exclude=./.hypothesis --exclude='./.*_cache' . | tar -C "$program" --no-same-owner -xf -
fi
umask 022
"$program/tools/setup.sh" server

if ! getent passwd heedline >/dev/null; then
  say 'making the user heedline'
  groupadd --system heedline
  useradd --system --gid heedline --home-dir "$home" --no-create-home --shell /usr/sbin/nologin heedline
fi
install -d -m 0700 -o heedline -g heedline "$home"

say 'services'
install -m 0644 -t /etc/systemd/system "$program"/deploy/systemd/*
drop_in=/etc/systemd/system/run-heedline-spool.mount.d
if [ "$(printf '%s\n' 6.4 "$(uname -r)" | sort -V | head -n 1)" = 6.4 ]; then
  install -d "$drop_in"
  { echo '[Mount]'; grep -h '^Options=' "$program/deploy/systemd/run-heedline-spool.mount" | sed 's/$/,noswap/'; } \
    >"$drop_in/noswap.conf"
else
  rm -rf "$drop_in" # an older kernel refuses the mount with it: encrypt the swap, or have none
fi

say "home in $home"
if [ ! -e "$home/heedline.toml" ]; then
  install -m 0600 -o heedline -g heedline /dev/stdin "$home/heedline.toml" <<EOF
# Heedline's settings; see $program/README.md. An unknown key is refused.
[recording]
spool = "$spool"
EOF
fi
as_heedline "$program/.venv/bin/heedline" init
as_heedline "$program/.venv/bin/heedline" prompts render

if command -v systemctl >/dev/null; then
  systemctl enable run-heedline-spool.mount heedline-pbx@main.service heedline-recorder.service \
    heedline-conductor.service heedline.target
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl restart heedline.target
    say 'started; `heedline doctor` says how it is'
  fi
fi
ln -sfn "$program/.venv/bin/heedline" /usr/local/bin/heedline
say 'done'
