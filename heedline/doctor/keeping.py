"""What the home keeps: secrets, certificate, ledger, prompts."""

import datetime
from collections.abc import Iterator

from ari_app.prompts import Prompts
from ari_app.wording import languages
from compliance.errors import HeedlineError
from heedline.bootstrap import open_database
from heedline.doctor.finding import Finding, fail, ok, warn
from heedline.home import Home
from heedline.initialise import KEYS, PASSWORDS
from heedline.pbx.render import phone_secret
from heedline.secrets import exposure, secret_path
from heedline.settings import Settings
from heedline.tls import RENEW_WITHIN, CertificateBad, read_certificate
from storage.errors import DatabaseMissing

_INIT = "heedline init"


def secrets(home: Home, settings: Settings) -> Iterator[Finding]:
    """Every secret there is and must be: a plain file, ours, 0600, in a folder of 0700."""
    wanted = {*KEYS, *PASSWORDS, *(phone_secret(phone.name) for phone in settings.phones)}
    for name in sorted(wanted):
        if not secret_path(home, name).exists():
            yield fail("secrets", f"{name} is missing", _INIT)
    good = 0
    for path in sorted(home.secrets.iterdir()) if home.secrets.is_dir() else ():
        problem, _, remedy = exposure(path.lstat()).partition("; ")
        if problem:
            yield fail("secrets", f"{path.name}: {problem}", remedy)
        good += not problem
    for folder in (home.secrets, home.tls):
        if folder.is_dir() and folder.stat().st_mode & 0o077:
            yield fail("secrets", f"{folder} is open to others", f"chmod 700 {folder}")
    key = home.tls / "pbx.key"
    if key.exists() and exposure(key.lstat()):
        yield fail("secrets", f"{key}: {exposure(key.lstat())}", f"chmod 600 {key}")
    yield ok("secrets", f"{good} files, for their owner only")


def certificate(home: Home, now: datetime.datetime) -> Finding:
    try:
        held = read_certificate(home)
        held.check(now)
    except CertificateBad as error:
        return fail("certificate", str(error), f"{_INIT}, then `heedline pbx down` and `up`")
    found = f"until {held.not_after:%Y-%m-%d}"
    if now >= held.not_after - RENEW_WITHIN:
        return warn("certificate", found, f"{_INIT} renews it; then `heedline pbx down` and `up`")
    return ok("certificate", found)


async def ledger(home: Home, settings: Settings) -> Finding:
    """Opens it as the conductor would: schema, keys."""
    try:
        database = await open_database(home, settings)
    except DatabaseMissing as error:
        return fail("ledger", str(error), f"its newest backup, put back (docs/recovery.md); in a new home {_INIT}")
    except HeedlineError as error:
        return fail("ledger", str(error), "what it says; see docs/recovery.md")
    try:
        async with database.read() as tx:
            campaigns = await tx.campaigns.list()
        async with database.begin():
            pass  # writes nothing, and fails where nothing could be written
    except HeedlineError as error:
        return fail("ledger", f"can't be written: {error}", "no opt-out can be kept: room, rights, mount")
    finally:
        await database.close()
    return ok("ledger", f"opens and can be written; {len(campaigns)} campaigns")


def prompts(home: Home) -> Finding:
    """A call in a language without its prompts is denied before it is dialled."""
    known = Prompts(home.prompts)
    missing = [language for language in languages() if not known.complete(language)]
    remedy = "heedline prompts render"
    if not missing:
        return ok("prompts", f"complete in {', '.join(languages())}")
    if len(missing) == len(languages()):
        return fail("prompts", "no language is complete: every call would be denied", remedy)
    return warn("prompts", f"not complete in {', '.join(missing)}: calls in it are denied", remedy)
