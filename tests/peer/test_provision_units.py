"""What is shipped for servers and virtual machines is accepted by the programs that will read it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy/systemd"


def need(program: str, package: str) -> str:
    """Where the program is; a machine whose Debian does not carry it may skip, none else."""
    found = shutil.which(program)
    if found:
        return found
    policy = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False).stdout
    if "Candidate: (none)" in policy or not policy:
        pytest.skip(f"this Debian has no {package}")
    pytest.fail(f"{program} is not installed; `tools/setup.sh test` installs {package}")


def test_the_vagrantfile_is_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Vagrantfile", tmp_path)
    said = subprocess.run(
        [need("vagrant", "vagrant"), "validate", "--ignore-provider"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "VAGRANT_HOME": str(tmp_path / "v")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "validated successfully" in said.stdout
    assert "/vagrant/tools/provision.sh" in (ROOT / "Vagrantfile").read_text()


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as they would be installed, but naming a program that is there to be found."""
    program = tmp_path / "heedline/.venv/bin/heedline"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    for unit in UNITS.iterdir():
        (folder / unit.name).write_text(unit.read_text().replace("/opt/heedline", str(tmp_path / "heedline")))
    return sorted(folder.iterdir())


def test_systemd_accepts_every_unit_without_a_word(units: list[Path]) -> None:
    said = subprocess.run(
        [need("systemd-analyze", "systemd"), "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (said.stderr + said.stdout).splitlines() if "heedline" in line]
    assert ours == []
    assert said.returncode == 0, said.stderr


def test_systemd_notices_a_broken_unit(units: list[Path]) -> None:
    broken = next(unit for unit in units if unit.name == "heedline-recorder.service")
    broken.write_text(broken.read_text().replace("Type=exec", "Type=nonsense").replace("ExecStart=", "ExecStrat="))
    said = subprocess.run(
        [need("systemd-analyze", "systemd"), "verify", "--man=no", str(broken)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ExecStrat" in said.stderr


@pytest.mark.parametrize(
    "name",
    ["heedline-pbx@.service", "heedline-recorder.service", "heedline-conductor.service", "heedline-agi.service"],
)
def test_every_service_is_locked_in(name: str) -> None:
    text = (UNITS / name).read_text()
    wanted = (
        "User=heedline",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service",
        "LimitCORE=0",
        "UMask=0077",
    )
    for line in wanted:
        assert f"\n{line}\n" in text, f"{name} lacks {line}"


def test_the_conductor_cannot_write_where_audio_lies() -> None:
    paths = re.findall(r"^ReadWritePaths=(.*)$", (UNITS / "heedline-conductor.service").read_text(), re.MULTILINE)
    assert paths == ["/var/lib/heedline"]


@pytest.mark.parametrize("script", sorted((ROOT / "tools").glob("*.sh"), key=str), ids=lambda path: path.name)
def test_every_script_can_be_read_by_bash_and_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_bare_make_explains_every_target() -> None:
    said = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "test", "check", "bench", "lock", "clean"):
        assert re.search(rf"^  make {target} +\S", said, re.MULTILINE), said


def test_a_machine_that_is_not_debian_is_told_the_vagrant_way(tmp_path: Path) -> None:
    if (
        shutil.which("unshare") is None
        or subprocess.run(["id", "-u"], capture_output=True, check=True).stdout != b"0\n"
    ):
        pytest.skip("needs root to put another /etc/os-release in place")
    other = tmp_path / "os-release"
    other.write_text("ID=fedora\n")
    said = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"mount --bind {other} /etc/os-release && exec {ROOT}/tools/setup.sh run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert "this is 'fedora'" in said.stderr
    assert "vagrant up" in said.stderr


def test_without_root_and_sudo_it_names_the_packages_and_the_vagrant_way(tmp_path: Path) -> None:
    for tool in ("bash", "cat", "dirname", "env", "flock", "awk", "tee", "mktemp", "tail", "rm"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
    for tool, says in (("dpkg-query", "exit 1"), ("id", "echo 1000")):
        (tmp_path / tool).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / tool).chmod(0o755)
    said = subprocess.run(
        [f"{ROOT}/tools/setup.sh", "run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "not root, and there is no sudo" in said.stderr
    assert "mmdebstrap" in said.stderr
    assert "vagrant up" in said.stderr


def test_an_unknown_purpose_is_refused() -> None:
    said = subprocess.run([f"{ROOT}/tools/setup.sh", "fun"], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "one of: run server demo test bench" in said.stderr
