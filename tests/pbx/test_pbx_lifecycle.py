"""A real Asterisk: up, down, killed, two at once, and every way a start can fail."""

import asyncio
import datetime
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from compliance.errors import BadInput
from heedline.pbx import Instance, PbxUnhealthy, PortTaken
from heedline.pbx.spool import is_ram
from heedline.settings import Phone
from heedline.tls import CertificateBad, ensure_certificate
from tests.pbx.switch import new_instance, settings_for

pytestmark = pytest.mark.pbx

ALICE = Phone(name="alice")
CALLEE = Phone(name="callee", role="far_end", transport="udp")


@pytest.fixture
async def pbx(tmp_path: Path) -> AsyncIterator[Instance]:
    instance = await new_instance(tmp_path / "h", settings_for(phones=(ALICE, CALLEE)))
    yield instance
    await instance.down()


async def test_up_is_ready_for_calls_without_one_warning_and_down_leaves_nothing(pbx: Instance) -> None:
    assert await pbx.up() is True
    status = await pbx.status()
    assert status.healthy
    assert status.spool_in_ram
    assert status.configuration_current
    assert status.problem == ""
    assert await pbx.up() is False, "a second up finds it running"
    log = pbx.layout.messages.read_text()
    assert re.search(r"Asterisk 2\d\.", log), "the log is written"
    assert not re.search(r"ERROR|WARNING", log), log
    assert "rror" not in pbx.layout.console.read_text()
    running = pbx.running
    assert running is not None
    assert await pbx.down() is True
    assert not running.alive()
    assert not is_ram(pbx.spool), "the RAM spool is given back"
    assert (await pbx.status()).healthy is False
    assert await pbx.down() is False


async def test_listens_only_where_it_should(pbx: Instance) -> None:
    await pbx.up()
    running = pbx.running
    assert running is not None
    listening = set()
    for line in subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines():
        if f"pid={running.pid}," in line:
            listening.add(line.split()[3])
    wanted = pbx.settings.pbx
    assert listening == {f"127.0.0.1:{port}" for port in (wanted.ari_port, wanted.ami_port, wanted.sip_tls_port)}


async def test_files_with_passwords_are_for_the_owner_only(pbx: Instance) -> None:
    await pbx.up()
    for path in [*pbx.layout.folder.rglob("*"), *pbx.home.secrets.iterdir(), pbx.home.tls / "pbx.key"]:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and (
            path.parent in (pbx.layout.etc, pbx.home.secrets) or path.suffix == ".key"
        ):
            assert stat.S_IMODE(status.st_mode) == 0o600, path
    for folder in (pbx.layout.folder, pbx.layout.etc, pbx.layout.run, pbx.spool, pbx.home.secrets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    arguments = Path(f"/proc/{pbx.running.pid}/cmdline").read_text() if pbx.running else ""
    assert pbx.ari_password not in arguments
    assert pbx.ami_password not in arguments


async def test_killed_outright_it_is_down_and_comes_up_again(pbx: Instance) -> None:
    await pbx.up()
    first = pbx.running
    assert pbx.kill() is True
    assert await pbx.ended(5)
    status = await pbx.status()
    assert not status.running
    assert status.pid is None
    assert pbx.kill() is False
    assert await pbx.up() is True
    assert pbx.running != first
    assert (await pbx.status()).healthy


async def test_a_stale_pid_file_harms_nobody(pbx: Instance) -> None:
    await pbx.up()
    state = json.loads(pbx.layout.state.read_bytes())
    pbx.kill()
    await pbx.ended(5)
    with subprocess.Popen(["sleep", "60"]) as innocent:
        pbx.layout.state.write_text(json.dumps({**state, "pid": innocent.pid}))
        assert pbx.running is None, "the start time differs"
        await pbx.down()
        assert innocent.poll() is None, "down did not touch the process that has the pid now"
        innocent.kill()


async def test_a_torn_pid_file_means_not_running(pbx: Instance) -> None:
    pbx.layout.make()
    pbx.layout.state.write_text('{"pid": 12')
    assert pbx.running is None


async def test_two_instances_side_by_side(tmp_path: Path) -> None:
    one = await new_instance(tmp_path / "h", settings_for("one"))
    two = await new_instance(tmp_path / "h", settings_for("two"))
    try:
        await one.up()
        await two.up()
        assert (await one.status()).healthy
        assert (await two.status()).healthy
        await one.down()
        assert not (await one.status()).running
        assert (await two.status()).healthy
        for instance in (one, two):
            assert not re.search(r"ERROR|WARNING", instance.layout.messages.read_text())
    finally:
        await one.down()
        await two.down()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    one = await new_instance(tmp_path / "h", settings_for("one"))
    two = await new_instance(tmp_path / "h", settings_for("two", ami_port=one.ami_port))
    try:
        await one.up()
        with pytest.raises(PortTaken, match=rf"pbx\.ami_port: 127\.0\.0\.1 port {one.ami_port} "):
            await two.up()
        assert (await one.status()).healthy
        assert not is_ram(two.spool)
    finally:
        await one.down()


async def test_when_asterisk_gives_up_the_reason_is_shown_and_nothing_is_left(pbx: Instance) -> None:
    pbx.layout.make()
    (pbx.layout.local / "modules.conf").write_text("require = app_nosuch.so\n")
    with pytest.raises(PbxUnhealthy, match="ended while starting") as caught:
        await pbx.up()
    assert any("app_nosuch" in line for line in caught.value.log)
    assert not (await pbx.status()).running
    assert not is_ram(pbx.spool)


async def test_the_admins_own_additions_are_loaded(pbx: Instance) -> None:
    pbx.layout.make()
    (pbx.layout.local / "extensions.conf").write_text("[mine]\nexten => 1,1,NoOp()\n")
    (pbx.layout.local / "modules.conf").write_text("load = app_verbose.so\n")
    await pbx.up()
    said = subprocess.run(
        [*pbx.asterisk.command, "-C", str(pbx.layout.etc / "asterisk.conf"), "-rx", "dialplan show mine"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NoOp()" in said.stdout


async def test_an_expired_certificate_stops_the_start(pbx: Instance) -> None:
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=400)
    ensure_certificate(pbx.home, "127.0.0.1", long_ago, renew=True)
    with pytest.raises(CertificateBad, match=r"expired on .*heedline init"):
        await pbx.up()
    assert not (await pbx.status()).running


async def test_a_changed_setting_is_seen(pbx: Instance) -> None:
    await pbx.up()
    changed = pbx.settings.model_copy(update={"phones": (ALICE,)})
    assert (await Instance(pbx.home, changed).status()).configuration_current is False


async def test_a_renewed_password_is_reported_as_such(pbx: Instance) -> None:
    await pbx.up()
    (pbx.home.secrets / "ari.password").write_text("somethingelse")
    status = await pbx.status()
    assert not status.ari
    assert status.ami
    assert "ARI: the password is refused" in status.problem


@pytest.mark.parametrize(
    ("pbx_keys", "phones", "said"),
    [
        ({"sip_udp_port": 0}, (CALLEE,), "'callee' asks for UDP"),
        ({"sip_address": "nowhere"}, (), "pbx.sip_address"),
        ({"sip_address": "127.0.0.1\nbind=0.0.0.0"}, (), "pbx.sip_address"),
        ({}, (ALICE, ALICE), "is there twice"),
        ({}, (Phone(name="transport-tls"),), "a word of pjsip.conf"),
    ],
)
async def test_settings_that_cannot_be(
    tmp_path: Path, pbx_keys: dict[str, int | str], phones: tuple[Phone, ...], said: str
) -> None:
    good = await new_instance(tmp_path / "h", settings_for())
    instance = Instance(good.home, settings_for("main", phones, **pbx_keys))
    with pytest.raises(BadInput, match=said):
        await instance.up()
    assert instance.running is None


async def test_a_home_whose_path_could_inject_a_setting_is_refused(tmp_path: Path) -> None:
    instance = await new_instance(tmp_path / "h;x", settings_for())
    with pytest.raises(BadInput, match="cannot stand in an Asterisk configuration file"):
        await instance.up()


async def test_a_home_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    instance = await new_instance(tmp_path / ("d" * 100), settings_for())
    with pytest.raises(BadInput, match="longer than the 107 bytes"):
        await instance.up()


async def test_two_starts_at_once_make_one_pbx(pbx: Instance) -> None:
    twin = Instance(pbx.home, pbx.settings)
    assert sorted(await asyncio.gather(pbx.up(), twin.up())) == [False, True]


async def test_unprivileged_it_runs_with_a_spool_in_shared_memory(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    home = Path("/tmp") / f"heedline-nobody-{os.getpid()}"
    settings = settings_for(phones=(ALICE,))
    program = (
        "import asyncio, codecs, os, pathlib, sys, concurrent.futures.thread, logging.config, xml.etree.ElementTree\n"
        "from heedline.home import Home\n"
        "from heedline.initialise import initialise\n"
        "from heedline.pbx import Instance\n"
        "from heedline.settings import Settings\n"
        "settings = Settings.model_validate_json(sys.argv[2], strict=False)\n"
        "async def main():\n"
        "    home = Home(pathlib.Path(sys.argv[1]))\n"
        "    await initialise(home, settings)\n"
        "    pbx = Instance(home, settings)\n"
        "    await pbx.up()\n"
        "    status = await pbx.status()\n"
        "    print(status.healthy, status.spool_in_ram, pbx.spool.resolve().parent)\n"
        "    print(pbx.layout.messages.read_text())\n"
        "    await pbx.down()\n"
        "    print('left', pbx.spool.exists())\n"
        # only now: the interpreter itself may lie where that user cannot read
        "[codecs.lookup(name) for name in ('unicode-escape', 'idna', 'punycode', 'latin-1')]\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "asyncio.run(main())\n"
    )
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    try:
        said = subprocess.run(
            [sys.executable, "-c", program, str(home), settings.model_dump_json()],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.stdout.startswith("True True /dev/shm\n"), said
        assert not re.search(r"ERROR|WARNING", said.stdout), said.stdout
        assert said.stdout.endswith("left False\n")
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=False)
