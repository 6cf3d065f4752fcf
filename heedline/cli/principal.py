"""`heedline principal`: who may play, export and grant."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from heedline.cli.ledger import on_ledger, operator, print_table, when
from heedline.cli.options import HomeOption, JsonOption, print_json
from storage.database import Database
from storage.errors import AccessDenied
from storage.governance.access import Action, Role, decide
from storage.governance.principals import Principal
from storage.unit import Transaction

app = typer.Typer(name="principal", help="People and services, and the roles they hold.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=", ".join(role.value for role in Role))]
AsOption = Annotated[
    str | None, typer.Option("--as", metavar="ADMIN", help="Needed as soon as somebody holds the role admin.")
]


@app.command()
def add(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Add a principal, without any role yet."""

    async def work(db: Database) -> Principal:
        async with db.begin() as tx:
            return await tx.principals.add(name, operator(), datetime.now(UTC))

    added = on_ledger(home, work)
    if json:
        print_json(_as_json(added))
    else:
        Console().print(f"{name} added; give a role with `heedline principal grant {name} ROLE`", markup=False)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all principals and the roles they hold now."""

    async def work(db: Database) -> tuple[Principal, ...]:
        async with db.read() as tx:
            return await tx.principals.list()

    found = on_ledger(home, work)
    if json:
        print_json({"principals": [_as_json(principal) for principal in found]})
        return
    rows = ((p.name, when(p.created_at), ", ".join(_roles(p))) for p in found)
    print_table(("name", "since", "roles"), rows, "nobody yet; `heedline principal add`")


@app.command()
def grant(
    name: NameArgument, role: RoleArgument, by: AsOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Give a role. Giving it twice changes nothing."""
    _act(name, role, True, by, home, json)


@app.command()
def revoke(
    name: NameArgument, role: RoleArgument, by: AsOption = None, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Take a role back. Taking it twice changes nothing."""
    _act(name, role, False, by, home, json)


def _act(name: str, role: str, give: bool, by: str | None, home: HomeOption, json: bool) -> None:
    wanted = Role.parse(role)

    async def work(db: Database) -> tuple[bool, Principal]:
        async with db.begin() as tx:
            who = await _granting(tx, by)
            act = tx.principals.grant if give else tx.principals.revoke
            return await act(name, wanted, who, datetime.now(UTC)), await tx.principals.get(name)

    changed, principal = on_ledger(home, work)
    if json:
        print_json({"changed": changed, **_as_json(principal)})
    else:
        held = ", ".join(_roles(principal)) or "no role"
        Console().print(f"{name}: {held}{'' if changed else ' (as before)'}", markup=False, highlight=False)


async def _granting(tx: Transaction, by: str | None) -> str:
    """Who grants. Until there is an administrator, whoever owns the machine makes the first."""
    if by is not None:
        decision = decide((await tx.principals.get(by)).roles, Action.GRANT_ROLE)
        if not decision.allowed:
            raise AccessDenied(f"{by}: {decision.reason}")
        return by
    if any(Role.ADMIN in principal.roles for principal in await tx.principals.list()):
        raise AccessDenied("there is an admin: say who grants with --as ADMIN")
    return operator()


def _roles(principal: Principal) -> list[str]:
    return [role.value for role in Role if role in principal.roles]


def _as_json(principal: Principal) -> dict[str, object]:
    return {"name": principal.name, "since": principal.created_at.isoformat(), "roles": _roles(principal)}
