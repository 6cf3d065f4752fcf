"""Secrets and the certificate: who may read them, what is refused, what a second `init` leaves alone."""

import datetime
import multiprocessing
import os
import ssl
import stat
import tomllib
from pathlib import Path

import pytest
from cryptography import x509

from compliance.errors import BadInput
from heedline.home import Home
from heedline.initialise import KEYS, initialise
from heedline.secrets import (
    SecretExposed,
    SecretMissing,
    ensure_password,
    ensure_secret,
    read_password,
    read_secret,
    write_private,
)
from heedline.settings import Phone, Settings
from heedline.tls import CertificateBad, ensure_certificate, read_certificate

NOW = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "h")


def test_a_secret_is_made_once_0600_in_0700(home: Home) -> None:
    old = os.umask(0)
    try:
        made = ensure_secret(home, "node.key", 32)
    finally:
        os.umask(old)
    assert len(made) == 32
    assert ensure_secret(home, "node.key", 32) == made == read_secret(home, "node.key")
    assert stat.S_IMODE((home.secrets / "node.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o700
    assert [file.name for file in home.secrets.iterdir()] == ["node.key"], "no scratch file stays"


def test_a_missing_secret_says_what_to_do(home: Home) -> None:
    with pytest.raises(SecretMissing, match=r"node\.key: not there; run `heedline init`"):
        read_secret(home, "node.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o610, 0o644, 0o777])
def test_a_secret_others_could_read_is_refused(home: Home, mode: int) -> None:
    ensure_secret(home, "node.key")
    (home.secrets / "node.key").chmod(mode)
    with pytest.raises(SecretExposed, match=f"mode {mode:04o}"):
        read_secret(home, "node.key")
    with pytest.raises(SecretExposed):
        ensure_secret(home, "node.key")


def test_a_link_a_folder_a_pipe_are_no_secrets(home: Home, tmp_path: Path) -> None:
    ensure_secret(home, "other.key")
    (home.secrets / "link.key").symlink_to(home.secrets / "other.key")
    (home.secrets / "folder.key").mkdir()
    os.mkfifo(home.secrets / "pipe.key", 0o600)
    for name in ("link.key", "folder.key", "pipe.key"):
        with pytest.raises(SecretExposed):
            read_secret(home, name)


def test_a_secret_of_another_user_is_refused(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    ensure_secret(home, "node.key")
    os.chown(home.secrets / "node.key", 12345, 12345)
    with pytest.raises(SecretExposed, match="belongs to user 12345"):
        read_secret(home, "node.key")


@pytest.mark.parametrize("content", [b"", b"x" * 70000])
def test_an_empty_or_huge_secret_is_refused(home: Home, content: bytes) -> None:
    ensure_secret(home, "node.key")
    write_private(home.secrets / "node.key", content, replace=True)
    with pytest.raises(SecretExposed):
        read_secret(home, "node.key")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "/etc/passwd", ".hidden", "A", "a" * 65, "a\n", "a\0"])
def test_a_name_that_could_leave_the_folder_is_refused(home: Home, name: str) -> None:
    with pytest.raises(BadInput):
        ensure_secret(home, name)


@pytest.mark.parametrize(
    "content", [b"short", b"with space in it", b"semi;colon-12345", b"two\nlines-12345", b"\xff" * 20]
)
def test_a_password_that_could_break_a_config_file_is_refused(home: Home, content: bytes) -> None:
    ensure_password(home, "ari.password")
    write_private(home.secrets / "ari.password", content, replace=True)
    with pytest.raises(BadInput, match="printable ASCII") as caught:
        read_password(home, "ari.password")
    assert content.decode("latin-1") not in str(caught.value)


def _make(folder: str) -> bytes:
    return ensure_secret(Home(Path(folder)), "node.key")


def test_many_starters_at_once_agree_on_one_secret(home: Home) -> None:
    with multiprocessing.get_context("forkserver").Pool(4) as pool:
        assert len(set(pool.map(_make, [str(home.path)] * 8))) == 1


async def test_init_twice_changes_nothing(home: Home) -> None:
    settings = Settings(phones=(Phone(name="alice"),))
    await initialise(home, settings)
    before = {path: path.read_bytes() for path in [*home.secrets.iterdir(), *home.tls.iterdir()]}
    assert {*KEYS, "ari.password", "ami.password", "phone-alice.password"} <= {path.name for path in before}
    await initialise(home, settings)
    assert {path: path.read_bytes() for path in [*home.secrets.iterdir(), *home.tls.iterdir()]} == before
    assert len({before[home.secrets / name] for name in KEYS}) == len(KEYS), "no two keys are the same"


async def test_a_new_phone_gets_its_password_and_the_others_keep_theirs(home: Home) -> None:
    await initialise(home, Settings(phones=(Phone(name="alice"),)))
    alice = read_password(home, "phone-alice.password")
    await initialise(home, Settings(phones=(Phone(name="alice"), Phone(name="bob"))))
    assert read_password(home, "phone-alice.password") == alice != read_password(home, "phone-bob.password")


async def test_the_settings_file_written_first_can_be_read(home: Home) -> None:
    await initialise(home)
    text = home.settings_file.read_text()
    assert Settings.load(home.settings_file) == Settings()
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines()[2:])
    Settings.parse(tomllib.loads(uncommented), where="the examples in it")


def test_the_certificate_is_trusted_through_its_ca_and_lasts(home: Home) -> None:
    held = ensure_certificate(home, "192.0.2.7", NOW)
    held.check(NOW)
    assert {"127.0.0.1", "localhost", "192.0.2.7"} <= held.names
    authority = x509.load_pem_x509_certificate(held.ca.read_bytes())
    x509.load_pem_x509_certificate(held.certificate.read_bytes()).verify_directly_issued_by(authority)
    ssl.create_default_context(cafile=str(held.ca))
    assert stat.S_IMODE(held.key.stat().st_mode) == 0o600


def test_the_certificate_is_renewed_in_time_and_the_ca_stays(home: Home) -> None:
    first = ensure_certificate(home, "127.0.0.1", NOW)
    authority = first.ca.read_bytes()
    assert ensure_certificate(home, "127.0.0.1", NOW + datetime.timedelta(days=300)).not_after == first.not_after
    later = NOW + datetime.timedelta(days=370)
    second = ensure_certificate(home, "127.0.0.1", later)
    assert second.not_after > first.not_after
    assert second.ca.read_bytes() == authority, "phones go on trusting it"
    assert ensure_certificate(home, "192.0.2.7", later).names >= {"192.0.2.7"}, "a new address needs a new one"


def test_before_and_after_its_time_it_is_refused(home: Home) -> None:
    held = ensure_certificate(home, "127.0.0.1", NOW)
    with pytest.raises(CertificateBad, match="expired on 2027-12-23"):
        held.check(NOW + datetime.timedelta(days=398))
    with pytest.raises(CertificateBad, match="check the clock"):
        held.check(NOW - datetime.timedelta(days=1))


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_no_certificate_is_named(home: Home, content: bytes) -> None:
    ensure_certificate(home, "127.0.0.1", NOW)
    (home.tls / "pbx.pem").write_bytes(content)
    with pytest.raises(CertificateBad, match=r"pbx\.pem: no certificate"):
        read_certificate(home)
