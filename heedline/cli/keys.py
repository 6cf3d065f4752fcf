"""`heedline keys`: the KEKs that recordings are sealed to."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput
from heedline import custody
from heedline.cli.ledger import on_ledger, operator, print_table, when
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.settings import Settings
from storage.database import Database
from storage.ids import is_id
from storage.ledger.recordings import Kek
from storage.vault.published import is_genuine

app = typer.Typer(name="keys", help="Keys that recordings are sealed to: list, publish, re-wrap.", no_args_is_help=True)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all KEKs: for which month of expiry, how they wrap, whether they are destroyed."""

    async def work(db: Database) -> list[Kek]:
        async with db.read() as tx:
            return await tx.keks.list()

    found, trusted = on_ledger(home, work), custody.trusted(home_of(home))
    if json:
        print_json({"keks": [{**_as_json(kek), "genuine": is_genuine(kek, trusted)} for kek in found]})
        return
    rows = [
        (
            k.id,
            k.month,
            k.retention_class,
            k.algorithm,
            when(k.created),
            "destroyed" if k.sealed_private is None else "" if is_genuine(k, trusted) else "NOT PUBLISHED BY US",
        )
        for k in found
    ]
    print_table(("KEK", "expires", "class", "algorithm", "created", ""), rows, "none yet; `heedline keys publish`")


@app.command()
def publish(
    month: Annotated[
        str | None, typer.Option("--month", help="A new KEK for recordings that expire in YYYY-MM (rotation).")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Publish the KEKs that the coming months need; with --month a new one, to which is sealed from now on."""
    found = home_of(home)
    settings = Settings.load(found.settings_file)
    if month is not None and not re.fullmatch(r"2[0-9]{3}-(0[1-9]|1[0-2])", month):
        raise BadInput(f"--month {month[:16]!r}: a month is written 2031-11")
    custody.ensure_custody(found, settings)

    async def work(db: Database) -> list[Kek]:
        ring, now = custody.keyring(found, settings, db), datetime.now(UTC)
        if month is not None:
            return [await ring.publish(month, now)]
        return await ring.publish_ahead(now, settings.recording.retention_days)

    published = on_ledger(home, work)
    if json:
        print_json({"published": [_as_json(kek) for kek in published]})
        return
    for kek in published:
        Console().print(f"{kek.id}: for {kek.month}, {kek.algorithm}", markup=False, highlight=False)
    if not published:
        Console().print("all there already")


@app.command()
def rewrap(
    kek: Annotated[str, typer.Argument(metavar="KEK", help="The old KEK; its month's newest takes over.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Wrap all that is sealed to a KEK to the newest one of its month instead. No audio is touched."""
    if not is_id(kek):
        raise BadInput(f"KEK {kek[:40]!r}: not an id; `heedline keys list` shows them")
    found = home_of(home)
    settings = Settings.load(found.settings_file)

    async def work(db: Database) -> int:
        ring = custody.keyring(found, settings, db)
        return await ring.rewrap(kek, datetime.now(UTC), operator())

    moved = on_ledger(home, work)
    if json:
        print_json({"kek": kek, "wrapped_again": moved})
    else:
        Console().print(f"{moved} data keys wrapped again", highlight=False)


def _as_json(kek: Kek) -> dict[str, object]:
    return {
        "kek": kek.id,
        "month": kek.month,
        "tenant": kek.tenant,
        "retention_class": kek.retention_class,
        "algorithm": kek.algorithm,
        "provider": kek.provider,
        "created": kek.created.isoformat(),
        "destroyed": kek.sealed_private is None,
    }
