"""asterisk_conf/*.conf.j2 → the instance's etc/.

Every value put into a template is checked: a line break, `;` or another control character could begin a second
setting, so it is refused rather than escaped (Asterisk's files have no escape that all readers share).
"""

import hashlib
import ipaddress
import re
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from compliance.errors import BadInput
from heedline.home import Home
from heedline.pbx.asterisk import Asterisk
from heedline.pbx.layout import Layout
from heedline.secrets import ensure_password, write_private
from heedline.settings import Settings

STASIS_APP = "heedline"
ARI_USER = "heedline"
AMI_USER = "heedline"
CHANNELS_AT_MOST = 2000
FILES_WANTED = 65536
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f;]|\\$")


@dataclass(frozen=True)
class Rendered:
    """What would stand in etc/: file name to text."""

    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: tells whether a running instance was started with this."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            total.update(f"{name}\0{self.files[name]}\0".encode())
        return total.hexdigest()

    def write(self, folder: Path) -> None:
        """Write every file 0600, whole or not at all, and remove what is not ours any more."""
        for name, text in self.files.items():
            write_private(folder / name, text.encode(), replace=True)
        for file in folder.glob("*.conf"):
            if file.name not in self.files:
                file.unlink()


def render(home: Home, settings: Settings, asterisk: Asterisk, layout: Layout) -> Rendered:
    """All configuration files of the instance. Raises BadInput naming the setting that cannot be."""
    _check(settings)
    environment = Environment(
        loader=PackageLoader("asterisk_conf", package_path=""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
        autoescape=False,  # noqa: S701  not HTML; `_plain` refuses what could break out of a line
    )
    environment.globals["address"] = _bracketed
    values: dict[str, object] = {
        "app": STASIS_APP,
        "instance": settings.pbx.instance,
        "pbx": settings.pbx,
        "agi": {"port": settings.agi.port, "address": _reachable(settings.agi.address)},
        "asterisk": asterisk,
        "limits": {"channels": CHANNELS_AT_MOST, "files": _files_allowed()},
        "ari_user": ARI_USER,
        "ari_password": ensure_password(home, "ari.password"),
        "ami_user": AMI_USER,
        "ami_password": ensure_password(home, "ami.password"),
        "tls": {"certificate": home.tls / "pbx.pem", "key": home.tls / "pbx.key"},
        "phones": [_phone(home, phone.name, phone.role, phone.transport) for phone in settings.phones],
        "local": {name: _there(layout.local / f"{name}.conf") for name in ("modules", "pjsip", "extensions")},
        **{name: getattr(layout, name) for name in ("etc", "run", "log", "db", "spool")},
    }
    files = {}
    for template in sorted(environment.list_templates(filter_func=_is_template)):
        files[template.removesuffix(".j2")] = environment.get_template(template).render(values)
    return Rendered(files)


def phone_secret(name: str) -> str:
    """Name of the secret that holds a phone's password."""
    return f"phone-{name}.password"


def _is_template(name: str) -> bool:
    return name.endswith(".conf.j2") and "/" not in name


def _phone(home: Home, name: str, role: str, transport: str) -> dict[str, str]:
    return {
        "name": name,
        "role": role,
        "transport": transport,
        "password": ensure_password(home, phone_secret(name)),
    }


def _there(file: Path) -> str:
    return str(file) if file.exists() else ""


def _check(settings: Settings) -> None:
    try:
        ipaddress.ip_address(settings.pbx.sip_address)
    except ValueError:
        raise BadInput(f"settings: pbx.sip_address: {settings.pbx.sip_address!r} is no IP address") from None
    names = [phone.name for phone in settings.phones]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"settings: phones: {name!r} is there twice")
        if name in ("global", "system", "general") or name.startswith("transport-"):
            raise BadInput(f"settings: phones: {name!r} is a word of pjsip.conf; choose another name")
    for phone in settings.phones:
        if phone.transport == "udp" and not settings.pbx.sip_udp_port:
            raise BadInput(f"settings: phone {phone.name!r} asks for UDP, but pbx.sip_udp_port is 0 (no UDP)")
    ports = [settings.pbx.ari_port, settings.pbx.ami_port, settings.pbx.sip_tls_port]
    if len(set(ports)) < len(ports):
        raise BadInput("settings: pbx: ari_port, ami_port and sip_tls_port must differ")


def _reachable(address: str) -> str:
    """Where a server that listens there is found from this machine."""
    return "127.0.0.1" if ipaddress.ip_address(address).is_unspecified else address


def _bracketed(address: str) -> str:
    return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address


def _plain(value: object) -> object:
    text = str(value)
    if _FORBIDDEN.search(text):
        raise BadInput(f"{text!r} cannot stand in an Asterisk configuration file (line break, control character or ;)")
    return value


def _files_allowed() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
