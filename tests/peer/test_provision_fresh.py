"""tools/provision.sh from nothing to a PBX that is up, in a fresh Debian of the same release, built for the test.

What this machine has downloaded already is used again: the wheels of the lock, the private Asterisk.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from heedline.pbx import find_asterisk
from heedline.pbx.apt import apt_settings
from tests.pbx.switch import settings_for

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.pbx, pytest.mark.timeout(900)]

INSIDE = """\
    set -eu
    export PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
    for run in first second; do
      echo "== $run run"
      /src/tools/provision.sh
    done
    test "$(stat -c %U:%a /var/lib/heedline)" = heedline:700
    test "$(stat -c %U:%a /var/lib/heedline/secrets/node.key)" = heedline:600
    ls /etc/systemd/system/multi-user.target.wants/heedline.target
    ls /etc/systemd/system/heedline.target.wants/heedline-pbx@main.service
    systemd-analyze verify --man=no /etc/systemd/system/heedline*.service \\
      /etc/systemd/system/heedline.target /etc/systemd/system/run-heedline-spool.mount
    install -m 0600 -o heedline -g heedline /ports.toml /var/lib/heedline/heedline.toml
    mkdir -p /run/heedline/spool
    mount -t tmpfs -o size=16m,mode=0700,uid=heedline,gid=heedline spool /run/heedline/spool
    heedline() {
      HEEDLINE_HOME=/var/lib/heedline setpriv --reuid=heedline --regid=heedline --clear-groups --no-new-privs \\
        --bounding-set=-all /usr/local/bin/heedline "$@"
    }
    heedline pbx up --instance main
    heedline doctor --json >/report.json || true
    cat /var/lib/heedline/pbx/main/log/messages.log
    heedline pbx down --instance main
    umount /run/heedline/spool
    echo "== to the end"
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lock's wheels, from pip's own cache where it has them."""
    folder = tmp_path_factory.mktemp("wheels")
    python = {"bookworm": "3.11", "trixie": "3.13"}[codename()]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--only-binary=:all:", "--no-deps"]
    lock = ["-r", str(ROOT / "requirements.lock"), "-d", str(folder), "--python-version", python]
    subprocess.run([*pip, *lock], check=True, timeout=300)
    return folder


def codename() -> str:
    """This machine's Debian release: its mirror has it, and nothing else need be fetched."""
    text = Path("/etc/os-release").read_text()
    return next(line.partition("=")[2].strip('"') for line in text.splitlines() if line.startswith("VERSION_CODENAME="))


def test_the_provisioning_script_runs_to_the_end_in_a_fresh_root(tmp_path: Path, wheels: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a fresh root with a PBX running in it needs root")
    private = find_asterisk().root
    if private is None:
        pytest.skip("this machine's own Asterisk is new enough: there is no private one to hand on")
    apt = apt_settings()
    pbx = settings_for().pbx
    toml = '[recording]\nspool = "/run/heedline/spool"\n[pbx]\nsip_udp_port = 0\n' + "".join(
        f"{key} = {getattr(pbx, key)}\n" for key in ("ari_port", "ami_port", "sip_tls_port", "rtp_start", "rtp_end")
    )
    script = tmp_path / "inside.sh"
    script.write_text(textwrap.dedent(INSIDE))
    settings = tmp_path / "heedline.toml"
    settings.write_text(toml)
    report = tmp_path / "report.json"
    hook = tmp_path / "hook.sh"
    hook.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            set -eu
            root=$1
            mkdir -p "$root/src" "$root/var/cache/heedline" "$root/wheels"
            git -C {ROOT} ls-files -z --cached --others --exclude-standard \\
              | tar -C {ROOT} --null -T - --ignore-failed-read -cf - \\
              | tar -C "$root/src" --no-same-owner -xf -
            cp -a {private} "$root/var/cache/heedline/asterisk-22"
            cp {wheels}/* "$root/wheels/"
            cp {script} "$root/inside.sh"
            cp {settings} "$root/ports.toml"
            chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash /inside.sh
            cp "$root/report.json" {report}
            """)
    )
    hook.chmod(0o755)
    said = subprocess.run(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=apt",
            "--format=null",
            "--include=systemd,git,make",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            *(f"--aptopt={option}" for option in apt.options),
            f'--customize-hook={hook} "$1"',
            codename(),
            "-",
            apt.mirror,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # hooks' output comes on either, as the format likes
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )
    end = said.stdout[-6000:]
    assert said.returncode == 0, end
    assert "== to the end" in said.stdout, end
    findings = {found["subject"]: found for found in json.loads(report.read_text())["findings"]}
    for subject in (
        "python",
        "settings",
        "secrets",
        "certificate",
        "ledger",
        "prompts",
        "ARI",
        "AMI",
        "modules",
        "spool",
    ):
        assert findings[subject]["level"] == "ok", findings[subject]
    assert "ERROR" not in said.stdout.partition("== second run")[2]
