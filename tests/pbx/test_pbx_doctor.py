"""The doctor finds what was broken, says what to do, and exits 1; a healthy house gets a clean bill."""

import datetime
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from heedline.doctor import Level, examine
from heedline.doctor.machine import clock
from heedline.pbx import Instance
from heedline.settings import Phone, Settings
from heedline.tls import ensure_certificate
from tests.pbx.switch import new_instance, settings_for

pytestmark = pytest.mark.pbx

NOW = datetime.datetime.now(datetime.UTC)


def write_settings(instance: Instance) -> None:
    """The same settings as a file, as a person would have them."""
    pbx = "\n".join(f"{key} = {json.dumps(value)}" for key, value in instance.settings.pbx.model_dump().items())
    phones = "".join(f'[[phones]]\nname = "{phone.name}"\n' for phone in instance.settings.phones)
    instance.home.settings_file.write_text(f"[pbx]\n{pbx}\n{phones}")
    assert Settings.load(instance.home.settings_file).pbx == instance.settings.pbx


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Instance]:
    instance = await new_instance(tmp_path / "h", settings_for(phones=(Phone(name="alice"),)))
    write_settings(instance)
    yield instance
    await instance.down()


async def failures(instance: Instance) -> dict[str, str]:
    """Subject to remedy of all that failed, less the prompts, which these homes do not have."""
    found = [finding for finding in await examine(instance.home) if finding.level is Level.FAIL]
    assert all(finding.remedy for finding in found), found
    return {finding.subject: f"{finding.found} → {finding.remedy}" for finding in found if finding.subject != "prompts"}


async def test_a_healthy_house(house: Instance) -> None:
    await house.up()
    assert await failures(house) == {}
    levels = {finding.subject: finding.level for finding in await examine(house.home)}
    for subject in (
        "asterisk",
        "ARI",
        "AMI",
        "running",
        "modules",
        "spool",
        "secrets",
        "certificate",
        "ledger",
        "disk",
    ):
        assert levels[subject] is Level.OK, subject


async def test_a_pbx_that_is_down(house: Instance) -> None:
    found = await failures(house)
    assert set(found) == {"ARI", "AMI"}
    assert found["ARI"].endswith("heedline pbx up")


@pytest.mark.parametrize(
    ("harm", "subject", "said"),
    [
        (lambda pbx: (pbx.home.secrets / "node.key").chmod(0o644), "secrets", "mode 0644"),
        (lambda pbx: (pbx.home.secrets / "node.key").unlink(), "secrets", "node.key is missing"),
        (
            lambda pbx: (pbx.home.secrets / "phone-alice.password").unlink(),
            "secrets",
            "phone-alice.password is missing",
        ),
        (lambda pbx: pbx.home.secrets.chmod(0o755), "secrets", "open to others"),
        (lambda pbx: (pbx.home.tls / "pbx.key").chmod(0o640), "secrets", "mode 0640"),
        (lambda pbx: (pbx.home.tls / "pbx.pem").unlink(), "certificate", "not there"),
        (lambda pbx: (pbx.home.tls / "pbx.pem").write_text("x"), "certificate", "no certificate"),
        (
            lambda pbx: ensure_certificate(pbx.home, "127.0.0.1", NOW - datetime.timedelta(days=500), renew=True),
            "certificate",
            "expired",
        ),
        (lambda pbx: pbx.home.database.unlink(), "ledger", "no ledger there"),
        (lambda pbx: (pbx.home.secrets / "ami.password").write_text("another-one"), "AMI", "password is refused"),
        (lambda pbx: (pbx.home.secrets / "ari.password").write_text("another-one"), "ARI", "password is refused"),
        (lambda pbx: pbx.home.settings_file.write_text("[pbx]\nspeed = 9\n"), "settings", "pbx.speed"),
    ],
)
async def test_each_harm_is_named(house: Instance, harm: Callable[[Instance], object], subject: str, said: str) -> None:
    await house.up()
    harm(house)
    found = await failures(house)
    assert said in found[subject], found


async def test_a_module_that_is_missing(house: Instance) -> None:
    await house.up()
    command = [*house.asterisk.command, "-C", str(house.layout.etc / "asterisk.conf"), "-rx"]
    subprocess.run([*command, "module unload app_mixmonitor.so"], capture_output=True, check=False)
    assert "app_mixmonitor.so is not loaded" in (await failures(house))["modules"]


async def test_a_spool_on_a_disk(house: Instance, tmp_path: Path) -> None:
    await house.up()
    on_disk = tmp_path / "spool"
    on_disk.mkdir()
    if (
        "tmpfs"
        in subprocess.run(["stat", "-f", "-c", "%T", on_disk], capture_output=True, text=True, check=True).stdout
    ):
        pytest.skip("this machine's temporary files are in RAM themselves")
    with house.home.settings_file.open("a") as file:
        file.write(f'[recording]\nspool = "{on_disk}"\n')
    assert "lies on" in (await failures(house))["spool"]


def test_a_clock_that_is_certainly_wrong() -> None:
    assert clock(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)).level is Level.FAIL


async def test_the_command_says_it_in_json_and_by_exit_status(house: Instance) -> None:
    command = [sys.executable, "-m", "heedline", "doctor", "--home", str(house.home.path), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1, said.stderr
    report = json.loads(said.stdout)
    assert report["healthy"] is False
    assert {"subject", "level", "found", "remedy"} <= set(report["findings"][0])


async def test_without_a_home_it_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "empty"
    home.mkdir()
    said = subprocess.run(
        [sys.executable, "-m", "heedline", "doctor", "--home", str(home)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "heedline init" in said.stdout
    assert "Traceback" not in said.stderr
    shutil.rmtree(home)
