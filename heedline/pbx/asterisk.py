"""Which Asterisk runs: the system's when it is new enough, else the private root.

A private root is a folder with a small Debian in it. Asterisk is started through the root's own dynamic loader,
without chroot: no privilege is needed, and /etc/hosts is the machine's own (a root without one makes Asterisk ask
DNS for its own name at every call: 200 calls a second become 1).
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from heedline.pbx.errors import AsteriskMissing

FLOOR = (22, 10, 1)  # first release with the ARI security fixes of 2026
ENVIRONMENT = "HEEDLINE_ASTERISK_ROOT"
SHARED_ROOT = Path("/var/cache/heedline/asterisk-22")

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Asterisk:
    """One Asterisk on this machine. `command` starts it; arguments follow."""

    version: Version
    command: tuple[str, ...]
    modules: Path
    data: Path
    root: Path | None  # None: the system's own

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def rest_api(self) -> Path:
        """Folder of the Swagger documents of this very Asterisk."""
        return self.data / "rest-api"


def private_root() -> Path:
    """Where the private root belongs: $HEEDLINE_ASTERISK_ROOT, else a cache all users share, else the user's own."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        return Path(given).resolve()
    if os.geteuid() == 0 or SHARED_ROOT.exists():
        return SHARED_ROOT
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "heedline" / "asterisk-22"


def find_asterisk() -> Asterisk:
    """The Asterisk to use: $HEEDLINE_ASTERISK_ROOT when set, else the system's if new enough, else the private root.

    Raises AsteriskMissing, saying what was found and how to get one.
    """
    seen = []
    if not os.environ.get(ENVIRONMENT):
        system = of_system()
        if system and system.version >= FLOOR:
            return system
        if system:
            seen.append(f"the system's Asterisk {system.version_text} is older than {floor_text()}")
    private = of_root(private_root())
    if private and private.version >= FLOOR:
        return private
    if private:
        seen.append(f"{private.root} holds Asterisk {private.version_text}, older than {floor_text()}")
    found = "; ".join(seen) or f"there is none on this machine and none in {private_root()}"
    raise AsteriskMissing(f"no Asterisk new enough: {found}. Run `heedline pbx install` (or `make setup`)")


def floor_text() -> str:
    return ".".join(map(str, FLOOR))


def of_system() -> Asterisk | None:
    """The system's Asterisk, or None where there is none that runs."""
    binary = shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if not binary:
        return None
    folders = [*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules")]
    modules = next((folder for folder in folders if (folder / "res_ari.so").exists()), None)
    data = next((Path(d) for d in ("/usr/share/asterisk", "/var/lib/asterisk") if Path(d, "rest-api").is_dir()), None)
    version = _version((binary,))
    return Asterisk(version, (binary,), modules, data, None) if version and modules and data else None


def of_root(root: Path) -> Asterisk | None:
    """The Asterisk in a private root, or None when the folder holds none that runs."""
    modules = next(iter(root.glob("usr/lib/*/asterisk/modules")), None)
    loaders = [found for where in ("lib64", "lib") for found in root.glob(f"usr/{where}/ld-linux-*.so.*")]
    binary = root / "usr/sbin/asterisk"
    if not (modules and loaders and binary.exists()):
        return None
    command = (str(loaders[0]), "--library-path", str(modules.parents[1]), str(binary))
    version = _version(command)
    return Asterisk(version, command, modules, root / "usr/share/asterisk", root) if version else None


def _version(command: tuple[str, ...]) -> Version | None:
    try:
        said = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.match(r"Asterisk (?:GIT-)?(\d+)\.(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
