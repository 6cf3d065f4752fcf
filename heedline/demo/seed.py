"""What the law wants on file before anybody is called: small do-not-call lists, and consents."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from compliance.facts import ConsentKind, Purpose
from heedline.bootstrap import registry_key
from heedline.demo.numbers import CONSENTING, LISTED, LISTS, SELLER, consented_at, listed_as_of
from heedline.home import Home
from storage.audit import AuditTag, AuditValue
from storage.consent.terms import Grant
from storage.consent.wording import Wording
from storage.consent.write import record_each
from storage.database import Database
from storage.registry import ListVersion, Order, importing

BY = "demo"
WORDS = Wording(
    "en", "1", f"Yes, {SELLER} may call me about its offers, also by recorded voice. I can say no any time."
)


async def seed(home: Home, database: Database, now: datetime) -> None:
    """Import the lists, as `heedline registry import` does, and record the consents; what stands already stays."""
    with TemporaryDirectory(prefix="heedline-lists-") as folder:
        for name, country in LISTS.items():
            await _import(home, database, _file(Path(folder), name, country), name, now)
    async with database.begin() as tx:
        party = await tx.parties.find(CONSENTING[0])
        if party is None or not await tx.consents.standing(party):
            grant = Grant(
                kind=ConsentKind.EXPRESS_WRITTEN,
                purpose=Purpose.TELEMARKETING,
                seller=SELLER,
                channel="web form",
                at=consented_at(now),
                wording=WORDS,
            )
            await record_each(tx, [(number, grant) for number in CONSENTING], by=BY, now=now)


def _file(folder: Path, name: str, country: str) -> Path:
    """A list of its country's listed numbers, as its publisher writes them: "212,5550199" or "02079460999"."""
    digits = [number.e164[1:] for number in LISTED if number.e164.startswith(f"+{country}")]
    lines = [f"{one[1:4]},{one[4:]}" if country == "1" else f"0{one[len(country) :]}" for one in digits]
    file = folder / f"{name}.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


async def _import(home: Home, database: Database, file: Path, name: str, now: datetime) -> None:
    order = Order(list=name, files=(file,), who=BY, at=now, version_date=listed_as_of(now).date(), coverage="all")
    with importing(home.registry, registry_key(home), order) as prepared:
        if not prepared.same:
            await _audit(database, prepared.version, now)
            prepared.swap()


async def _audit(database: Database, version: ListVersion, now: datetime) -> None:
    data: dict[str, AuditValue] = {
        "list": version.list,
        "version": version.version,
        "numbers": version.numbers,
        "by": BY,
    }
    async with database.begin() as tx:
        await tx.audit.append(AuditTag.REGISTRY_IMPORTED, now, data)
