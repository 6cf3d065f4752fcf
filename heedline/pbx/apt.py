"""The machine's own apt: where its Debian mirror is and how it gets there. Nothing is assumed about either."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from heedline.pbx.errors import BuildFailed

VAGRANT_WAY = "On another system, `vagrant up` gives a Debian machine with everything in it (see README.md)"


@dataclass(frozen=True)
class Apt:
    """mirror: base address of a Debian archive; options: apt settings needed to reach it, as `Key "value"`."""

    mirror: str
    options: tuple[str, ...] = ()


def apt_settings() -> Apt:
    """What this machine's apt is configured with. Raises BuildFailed where there is no apt or no Debian mirror."""
    line = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)"
    targets = _ask("apt-get", "indextargets", "--format", line, "Created-By: Packages")
    return Apt(choose_mirror(targets), reaching_options(_ask("apt-config", "dump")))


def choose_mirror(targets: str) -> str:
    """The first Debian archive among `apt-get indextargets` lines (address, release, component, origin).

    The origin is unknown until `apt-get update` has run; then the address must end in /debian, as mirrors' do.
    """
    for line in targets.splitlines():
        uri, release, component, origin = (*line.split("\t"), "", "", "", "")[:4]
        known = origin == "Debian" or (origin.startswith("$(") and uri.rstrip("/").endswith("/debian"))
        if known and component == "main" and not release.endswith("-security") and "-security" not in uri:
            return uri.rstrip("/")
    raise BuildFailed(f"this machine's apt sources name no Debian mirror. {VAGRANT_WAY}")


def reaching_options(dump: str) -> tuple[str, ...]:
    """Proxies and credential files out of `apt-config dump`: without them the mirror may be out of reach."""
    wanted = []
    for line in dump.splitlines():
        key, _, value = line.rstrip(";").partition(" ")
        if key.startswith("Acquire::") and "proxy" in key.lower() and value != '""':
            wanted.append(f"{key} {value}")
    credentials = Path("/etc/apt/auth.conf")
    if credentials.exists():
        wanted.append(f'Dir::Etc::netrc "{credentials}"')
    return tuple(wanted)


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        raise BuildFailed(f"{command[0]} is not here, so this is not Debian. {VAGRANT_WAY}") from None
    except subprocess.SubprocessError as error:
        raise BuildFailed(f"{command[0]} failed ({type(error).__name__}); run it by hand to see why") from None
