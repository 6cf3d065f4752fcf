"""`heedline init`: folders, settings, secrets, certificate, database. Run again, it only adds what is missing."""

import datetime
from dataclasses import dataclass

from heedline.bootstrap import make_ledger
from heedline.consents import KEYS as CONSENT_KEYS
from heedline.custody import ensure_custody, publish_ahead
from heedline.home import Home
from heedline.pbx.render import phone_secret
from heedline.secrets import ensure_folder, ensure_password, ensure_secret, write_private
from heedline.settings import Settings
from heedline.tls import PbxCertificate, ensure_certificate

KEYS = ("number-lookup.key", "number-seal.key", "node.key", *CONSENT_KEYS, "registry.key")
PASSWORDS = ("ari.password", "ami.password")
DEFAULT_SETTINGS = """\
# Heedline's settings, all of them in docs/settings.md. Each is optional; an unknown one is refused. No secrets here.

# [pbx]                        # one Asterisk; ARI and AMI listen on 127.0.0.1 only
# sip_address = "127.0.0.1"    # where phones reach it; "0.0.0.0" for all addresses
# sip_tls_port = 5061
# sip_udp_port = 0             # 0: no UDP

# [recording]
# spool = ""                   # empty: a tmpfs of its own
# retention_days = 1825        # 16 CFR 310.5: five years

# [call]
# agent_region = "US-NY"       # where agents sit; a bare "US" is an unknown state: the strictest law counts, and the
# storage_region = "US-NY"     # announcement itself is recorded
# seller_region = "US-NY"

# [[phones]]                   # then `heedline init` makes secrets/phone-alice.password
# name = "alice"
# role = "agent"

# [[routes]]                   # which numbers are dialled where
# prefix = "+1"
# endpoint = "PJSIP/{number}@carrier"
"""


@dataclass(frozen=True)
class Initialised:
    """What `init` found or made."""

    home: Home
    settings: Settings
    certificate: PbxCertificate


async def initialise(
    home: Home, settings: Settings | None = None, *, now: datetime.datetime | None = None
) -> Initialised:
    """Make what is missing and leave what is there.

    settings: used instead of the file's, for several instances in one home; by default heedline.toml is read, and
    written first when there is none.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    ensure_folder(home.path)
    for folder in (home.secrets, home.tls, home.vault, home.run, home.log, home.path / "backups"):
        ensure_folder(folder)
    home.prompts.mkdir(exist_ok=True)
    if not home.settings_file.exists():
        write_private(home.settings_file, DEFAULT_SETTINGS.encode(), replace=False)
    if settings is None:
        settings = Settings.load(home.settings_file)
    for name in KEYS:
        ensure_secret(home, name)
    for name in (*PASSWORDS, *(phone_secret(phone.name) for phone in settings.phones)):
        ensure_password(home, name)
    certificate = ensure_certificate(home, settings.pbx.sip_address, now)
    ensure_custody(home, settings)
    await make_ledger(home, settings)
    await publish_ahead(home, settings, now)
    return Initialised(home, settings, certificate)
