"""Secrets: one a file of mode 0600 in `secrets/` (0700).

    ari.password  ami.password       what the conductor shows Asterisk
    phone-<name>.password            what a phone shows Asterisk
    number-lookup.key                keyed hash of phone numbers (32 bytes)
    number-seal.key                  encryption of phone numbers (32 bytes)
    node.key                         this node's Ed25519 seed, signs manifests and checkpoints (32 bytes)
    registry.key                     seals the do-not-call lists in registry/ (32 bytes)
    consent.key                      tokens and codes that confirm a consent, addresses they are sent to (32 bytes)
    consent-webhook.key              signs what is posted to a webhook (32 bytes)
    smtp.password                    what we show the mail server; put there by the admin
    tls-ca.key                       signs the PBX's certificate (PEM)

A secret never stands in argv, a URL, a log or a message; only the names above do.
"""

import os
import re
import secrets as _random
import stat
from collections.abc import Callable
from pathlib import Path

from compliance.errors import BadInput, HeedlineError
from heedline.home import Home

KEY_BYTES = 32
LARGEST = 64 * 1024  # no secret of ours comes near; a larger file is not one
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class SecretMissing(HeedlineError):
    """The secret is not there: `heedline init` makes it."""


class SecretExposed(HeedlineError):
    """Others than its owner could read or replace the secret."""


def secret_path(home: Home, name: str) -> Path:
    """Where the secret lies. Raises BadInput for a name that could leave the folder."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"secret {name!r}: a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
    return home.secrets / name


def ensure_folder(folder: Path) -> None:
    """Make a folder of mode 0700, or tighten the one there is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def ensure_secret(home: Home, name: str, nbytes: int = KEY_BYTES) -> bytes:
    """The secret, made of `nbytes` random bytes when it is not there yet."""
    return _ensure(home, name, lambda: _random.token_bytes(nbytes))


def ensure_password(home: Home, name: str) -> str:
    """The password of 192 bits as hexadecimal text, made when it is not there yet: safe in any config file."""
    return _ensure(home, name, lambda: _random.token_hex(24).encode()).decode("ascii")


def read_secret(home: Home, name: str) -> bytes:
    """The secret's bytes.

    Raises SecretMissing; SecretExposed when it is no regular file, is not ours, or group or world have any access.
    """
    path = secret_path(home, name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise SecretMissing(f"{path}: not there; run `heedline init`") from None
    except OSError as error:
        raise SecretExposed(f"{path}: cannot be opened ({error.strerror}); a secret is a plain file") from None
    try:
        problem = exposure(os.fstat(descriptor))
        if problem:
            raise SecretExposed(f"{path}: {problem}")
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(LARGEST + 1)
    finally:
        os.close(descriptor)
    if not content or len(content) > LARGEST:
        raise SecretExposed(f"{path}: {'empty' if not content else 'too large'}; put the right file back")
    return content


def read_password(home: Home, name: str) -> str:
    """A password as text. Raises as `read_secret`; BadInput when it is not one line of printable ASCII."""
    content = read_secret(home, name).removesuffix(b"\n")
    if not re.fullmatch(rb"[!-~]{8,256}", content) or b";" in content:
        raise BadInput(f"{secret_path(home, name)}: a password is 8 to 256 printable ASCII characters without ;")
    return content.decode("ascii")


def exposure(status: os.stat_result) -> str:
    """What is wrong with a secret file's type, owner or mode, with what to do; empty when nothing is."""
    if not stat.S_ISREG(status.st_mode):
        return "not a plain file; move it away and run `heedline init`"
    if status.st_uid not in (os.geteuid(), 0):
        return f"belongs to user {status.st_uid}; chown it to the user Heedline runs as"
    if status.st_mode & 0o077:
        return f"mode {stat.S_IMODE(status.st_mode):04o} lets others in; chmod 600 it, and renew it if others read it"
    return ""


def write_private(path: Path, content: bytes, *, replace: bool) -> bool:
    """Write a file of mode 0600, whole or not at all, durably; False when it was there and `replace` is not set."""
    scratch = path.parent / f".{path.name}.{_random.token_hex(6)}"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            scratch.rename(path)
        else:
            # link() refuses an existing name: of two starters at once, the first one's secret stays.
            try:
                path.hardlink_to(scratch)
            except FileExistsError:
                return False
    finally:
        scratch.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _ensure(home: Home, name: str, make: Callable[[], bytes]) -> bytes:
    path = secret_path(home, name)
    ensure_folder(home.secrets)
    if not os.path.lexists(path):
        write_private(path, make(), replace=False)
    return read_secret(home, name)
