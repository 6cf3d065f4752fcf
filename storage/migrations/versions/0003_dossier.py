"""What the gate asks of a number: kinds of campaigns, scopes of opt-outs, people, relationships, switches, outcomes.

Campaigns so far were dialled by hand to consumers; opt-outs so far were from everybody, about anything. The calls
that have ended get their outcome from their story.
"""

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW_APPEND_ONLY = ("party_facts", "relationships", "switches", "call_outcomes")
REBUILT = ("campaigns", "dnc_entries")  # on SQLite, which can add no constraint to a table
WITHIN_US = 2_000_000  # 47 CFR 64.1200(a)(7): two seconds, here from the answer on

SQLITE_GUARD = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRESQL_GUARD = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION heedline_append_only()"""

STORIES = """SELECT a.id, a.campaign, a.ended_us, e.at_us, e.kind, e.data
FROM attempts a JOIN call_events e ON e.attempt_id = a.id
WHERE a.state = 'ended' AND a.committed_us IS NOT NULL
AND e.kind IN ('Ordered', 'LegAnswered', 'LegGone', 'LegFailed', 'LinkRestored')
ORDER BY a.ended_us, a.id, e.seq"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        _extend()
    else:
        run("PRAGMA defer_foreign_keys = ON")
        _rebuild("campaigns", _new_campaigns)
        _rebuild("dnc_entries", _new_dnc_entries)
    _tables()
    op.create_index("ix_attempts_campaign_committed_us", "attempts", ["campaign", "committed_us"], unique=False)
    op.create_index("ix_attempts_party_id_committed_us", "attempts", ["party_id", "committed_us"], unique=False)
    op.drop_index("ix_attempts_party_id_planned_us", table_name="attempts")
    _outcomes()
    if postgresql:
        for table in NEW_APPEND_ONLY:
            run(POSTGRESQL_GUARD.format(table=table))
        return
    for table in (*REBUILT, *NEW_APPEND_ONLY):
        for verb in ("update", "delete"):
            run(SQLITE_GUARD.format(table=table, verb=verb, VERB=verb.upper()))


def _campaign_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("call_kind", sa.String(length=16), server_default="live", nullable=False),
        sa.Column("party", sa.String(length=16), server_default="consumer", nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=True),
        sa.Column("double_opt_in", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=True),
    ]


def _scope_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("seller", sa.String(length=128), server_default=sa.text("''"), nullable=False),
        sa.Column("topic", sa.String(length=64), server_default=sa.text("''"), nullable=False),
    ]


CAMPAIGN_CHECKS = {
    "call_kind": "call_kind IN ('live', 'autodialed_live', 'prerecorded', 'ai_voice')",
    "party": "party IN ('consumer', 'business')",
}
SCOPED = ["lookup_hash", "seller", "topic", "generation", "act"]


def _extend() -> None:
    """PostgreSQL does it in place; neither a column nor a constraint touches a row the guards protect."""
    for column in _campaign_columns():
        op.add_column("campaigns", column)
    for name, check in CAMPAIGN_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_campaigns_{name}"), "campaigns", check)
    for column in _scope_columns():
        op.add_column("dnc_entries", column)
    op.drop_constraint("uq_dnc_entries_lookup_hash_generation_act", "dnc_entries", type_="unique")
    op.create_unique_constraint(op.f("uq_dnc_entries_lookup_hash_seller_topic_generation_act"), "dnc_entries", SCOPED)


def _rebuild(table: str, create: Callable[[], None]) -> None:
    """Copy, drop, make anew under the same name, copy back: whoever refers to it never sees another name."""
    run = op.get_bind().exec_driver_sql
    columns = ", ".join(row[1] for row in run(f"PRAGMA table_info({table})"))
    run(f"CREATE TEMPORARY TABLE {table}_0002 AS SELECT * FROM {table}")  # noqa: S608 - names of ours
    run(f"DROP TABLE {table}")
    create()
    run(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_0002")  # noqa: S608 - names of ours
    run(f"DROP TABLE {table}_0002")


def _new_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seller", sa.String(length=128), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("caller_id", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("placement", sa.String(length=16), nullable=False),
        sa.Column("recording", sa.String(length=16), nullable=False),
        sa.Column("recording_required", sa.Boolean(), nullable=False),
        sa.Column("on_refusal", sa.String(length=16), nullable=False),
        sa.Column("ring_seconds", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        *_campaign_columns(),
        sa.CheckConstraint("on_refusal IN ('continue', 'end')", name=op.f("ck_campaigns_on_refusal")),
        sa.CheckConstraint("placement IN ('before_agent', 'in_bridge')", name=op.f("ck_campaigns_placement")),
        sa.CheckConstraint(
            "recording IN ('follow_law', 'notice', 'explicit', 'none')", name=op.f("ck_campaigns_recording")
        ),
        sa.CheckConstraint("ring_seconds BETWEEN 15 AND 120", name=op.f("ck_campaigns_ring_seconds")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_campaigns_version")),
        *(sa.CheckConstraint(check, name=op.f(f"ck_campaigns_{name}")) for name, check in CAMPAIGN_CHECKS.items()),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_campaigns")),
    )


def _new_dnc_entries() -> None:
    op.create_table(
        "dnc_entries",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(length=32), nullable=False),
        *_scope_columns(),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=True),
        sa.Column("revokes", sa.String(length=26), nullable=True),
        sa.CheckConstraint("(act = 'revoke') = (revokes IS NOT NULL)", name=op.f("ck_dnc_entries_revokes")),
        sa.CheckConstraint("act IN ('add', 'revoke')", name=op.f("ck_dnc_entries_act")),
        sa.CheckConstraint("generation >= 0", name=op.f("ck_dnc_entries_generation")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_dnc_entries_attempt_id")),
        sa.ForeignKeyConstraint(["revokes"], ["dnc_entries.id"], name=op.f("fk_dnc_entries_revokes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dnc_entries")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_dnc_entries_attempt_id")),
        sa.UniqueConstraint(*SCOPED, name=op.f("uq_dnc_entries_lookup_hash_seller_topic_generation_act")),
        sa.UniqueConstraint("revokes", name=op.f("uq_dnc_entries_revokes")),
    )


def _tables() -> None:
    op.create_table(
        "party_facts",
        sa.Column("party_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("region", sa.String(length=8), nullable=True),
        sa.Column("postal_code", sa.String(length=16), nullable=True),
        sa.Column("party", sa.String(length=16), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("party IN ('consumer', 'business')", name=op.f("ck_party_facts_party")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_party_facts_position")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_party_facts_party_id")),
        sa.PrimaryKeyConstraint("party_id", "position", name=op.f("pk_party_facts")),
    )
    op.create_table(
        "relationships",
        sa.Column("party_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seller", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=256), nullable=True),
        sa.CheckConstraint("kind IN ('purchase', 'inquiry', 'ended')", name=op.f("ck_relationships_kind")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_relationships_position")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_relationships_party_id")),
        sa.PrimaryKeyConstraint("party_id", "position", name=op.f("pk_relationships")),
    )
    op.create_table(
        "switches",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("act", sa.String(length=8), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=True),
        sa.Column("end_us", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("act IN ('on', 'off')", name=op.f("ck_switches_act")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_switches_position")),
        sa.CheckConstraint("start_us IS NULL OR end_us IS NULL OR end_us > start_us", name=op.f("ck_switches_span")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_switches")),
    )
    op.create_index("ix_switches_name_campaign_position", "switches", ["name", "campaign", "position"], unique=False)
    op.create_table(
        "call_outcomes",
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("answered_us", sa.BigInteger(), nullable=False),
        sa.Column("agent_after_us", sa.BigInteger(), nullable=True),
        sa.Column("abandoned", sa.Boolean(), nullable=False),
        sa.Column("answered_total", sa.BigInteger(), nullable=False),
        sa.Column("abandoned_total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("abandoned_total BETWEEN 0 AND answered_total", name=op.f("ck_call_outcomes_totals")),
        sa.CheckConstraint("agent_after_us IS NULL OR agent_after_us >= 0", name=op.f("ck_call_outcomes_agent_after")),
        sa.CheckConstraint("position >= 0 AND answered_total = position + 1", name=op.f("ck_call_outcomes_position")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_call_outcomes_attempt_id")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_call_outcomes")),
        sa.UniqueConstraint("campaign", "position", name=op.f("uq_call_outcomes_campaign_position")),
    )
    op.create_index(
        "ix_call_outcomes_campaign_at_us_position", "call_outcomes", ["campaign", "at_us", "position"], unique=False
    )


def _outcomes() -> None:
    """Of every call that has ended and was answered, in the order they ended."""
    bind = op.get_bind()
    table = sa.table(
        "call_outcomes",
        *(
            sa.column(name)
            for name in (
                "attempt_id",
                "campaign",
                "position",
                "at_us",
                "answered_us",
                "agent_after_us",
                "abandoned",
                "answered_total",
                "abandoned_total",
            )
        ),
    )
    sums: dict[str, tuple[int, int]] = {}
    rows = bind.exec_driver_sql(STORIES).fetchall()
    for attempt, story in groupby(rows, lambda row: row[0]):
        lines = list(story)
        outcome = _outcome((line[3], line[4], json.loads(line[5])) for line in lines)
        if outcome is None:
            continue
        answered_us, agent_after_us, abandoned = outcome
        campaign, ended_us = lines[0][1], lines[0][2]
        answered, given_up = sums.get(campaign, (0, 0))
        sums[campaign] = (answered + 1, given_up + abandoned)
        bind.execute(
            sa.insert(table).values(
                attempt_id=attempt,
                campaign=campaign,
                position=answered,
                at_us=ended_us,
                answered_us=answered_us,
                agent_after_us=agent_after_us,
                abandoned=abandoned,
                answered_total=sums[campaign][0],
                abandoned_total=sums[campaign][1],
            )
        )


def _outcome(story: Iterator[tuple[int, str, dict[str, object]]]) -> tuple[int, int | None, bool] | None:
    """When the callee answered, how long until an agent was there, whether the call was abandoned."""
    here = {"callee": False, "agent": False}
    answered = met = left = None
    for at, kind, data in story:
        if kind == "Ordered":
            here["agent"] = bool(data.get("agent_channel"))
        elif kind == "LinkRestored":
            here = {leg: data.get(leg) == "up" for leg in here}
        elif data.get("leg") in here:
            here[str(data["leg"])] = kind == "LegAnswered"
        if here["callee"] and answered is None:
            answered = at
        if all(here.values()) and met is None:
            met = at
        if answered is not None and left is None and not here["callee"]:
            left = at
    if answered is None:
        return None
    late = met is None or met - answered > WITHIN_US
    stayed = left is None or left - answered > WITHIN_US
    return answered, None if met is None else max(0, met - answered), late and stayed
