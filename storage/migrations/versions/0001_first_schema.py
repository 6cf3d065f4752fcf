"""The first schema of the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration is history: it repeats the guards as they were then, it does not import today's.
APPEND_ONLY = (
    "call_events",
    "consents",
    "dnc_entries",
    "audit",
    "audit_checkpoints",
    "role_grants",
    "campaigns",
)

SQLITE_GUARD = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRESQL_FUNCTION = """CREATE OR REPLACE FUNCTION heedline_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
USING ERRCODE = 'integrity_constraint_violation'; END $$"""

POSTGRESQL_GUARD = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION heedline_append_only()"""


def upgrade() -> None:
    _tables()
    run = op.get_bind().exec_driver_sql
    if op.get_bind().dialect.name == "postgresql":
        run(POSTGRESQL_FUNCTION)
        for table in APPEND_ONLY:
            run(POSTGRESQL_GUARD.format(table=table))
        return
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            run(SQLITE_GUARD.format(table=table, verb=verb, VERB=verb.upper()))


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_audit_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoints")),
    )
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
        sa.CheckConstraint("on_refusal IN ('continue', 'end')", name=op.f("ck_campaigns_on_refusal")),
        sa.CheckConstraint("placement IN ('before_agent', 'in_bridge')", name=op.f("ck_campaigns_placement")),
        sa.CheckConstraint(
            "recording IN ('follow_law', 'notice', 'explicit', 'none')", name=op.f("ck_campaigns_recording")
        ),
        sa.CheckConstraint("ring_seconds BETWEEN 15 AND 120", name=op.f("ck_campaigns_ring_seconds")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_campaigns_version")),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "keks",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("retention_class", sa.String(length=64), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_private", sa.LargeBinary(), nullable=True),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keks")),
    )
    op.create_index(
        "ix_keks_tenant_retention_class_month", "keks", ["tenant", "retention_class", "month"], unique=False
    )
    op.create_table(
        "parties",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
        sa.UniqueConstraint("lookup_hash", name=op.f("uq_parties_lookup_hash")),
    )
    op.create_table(
        "principals",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_principals")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("party_id", sa.String(length=26), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("campaign_version", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before_us", sa.BigInteger(), nullable=False),
        sa.Column("planned_by", sa.String(length=64), nullable=False),
        sa.Column("planned_us", sa.BigInteger(), nullable=False),
        sa.Column("committed_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("facts_digest", sa.String(length=64), nullable=True),
        sa.Column("disposition", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.String(length=256), nullable=True),
        sa.CheckConstraint("(state = 'ended') = (disposition IS NOT NULL)", name=op.f("ck_attempts_disposition")),
        sa.CheckConstraint("state <> 'dialling' OR committed_us IS NOT NULL", name=op.f("ck_attempts_committed")),
        sa.CheckConstraint("state IN ('pending', 'dialling', 'ended')", name=op.f("ck_attempts_state")),
        sa.ForeignKeyConstraint(
            ["campaign", "campaign_version"],
            ["campaigns.name", "campaigns.version"],
            name=op.f("fk_attempts_campaign_campaign_version"),
        ),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_attempts_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_party_id_planned_us", "attempts", ["party_id", "planned_us"], unique=False)
    op.create_index("ix_attempts_state_not_before_us", "attempts", ["state", "not_before_us"], unique=False)
    op.create_index(
        "uq_attempts_dialling",
        "attempts",
        ["party_id"],
        unique=True,
        sqlite_where=sa.text("state = 'dialling'"),
        postgresql_where=sa.text("state = 'dialling'"),
    )
    op.create_table(
        "role_grants",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("principal", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(generation % 2 = 0) = (act = 'grant')", name=op.f("ck_role_grants_generation")),
        sa.CheckConstraint("act IN ('grant', 'revoke')", name=op.f("ck_role_grants_act")),
        sa.CheckConstraint(
            "role IN ('agent', 'supervisor', 'compliance_officer', 'admin')", name=op.f("ck_role_grants_role")
        ),
        sa.ForeignKeyConstraint(["principal"], ["principals.name"], name=op.f("fk_role_grants_principal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
        sa.UniqueConstraint("principal", "role", "generation", name=op.f("uq_role_grants_principal_role_generation")),
    )
    op.create_table(
        "call_events",
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_call_events_seq")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_call_events_attempt_id")),
        sa.PrimaryKeyConstraint("attempt_id", "seq", name=op.f("pk_call_events")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("party_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("act IN ('grant', 'confirm', 'withdraw', 'refuse')", name=op.f("ck_consents_act")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_consents_attempt_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_consents_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_party_id_at_us", "consents", ["party_id", "at_us"], unique=False)
    op.create_table(
        "dnc_entries",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(length=32), nullable=False),
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
        sa.UniqueConstraint("lookup_hash", "generation", "act", name=op.f("uq_dnc_entries_lookup_hash_generation_act")),
        sa.UniqueConstraint("revokes", name=op.f("uq_dnc_entries_revokes")),
    )
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("sealed_us", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("layout", sa.String(length=16), nullable=False),
        sa.Column("retention_class", sa.String(length=64), nullable=False),
        sa.Column("keep_until_us", sa.BigInteger(), nullable=True),
        sa.Column("delete_after_us", sa.BigInteger(), nullable=True),
        sa.Column("spool_name", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("manifest_signature", sa.LargeBinary(length=64), nullable=True),
        sa.Column("crashed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=True),
        sa.CheckConstraint("state <> 'sealed' OR manifest_signature IS NOT NULL", name=op.f("ck_recordings_sealed")),
        sa.CheckConstraint("state IN ('open', 'sealed', 'failed')", name=op.f("ck_recordings_state")),
        sa.CheckConstraint("rate > 0", name=op.f("ck_recordings_rate")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_recordings_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ix_recordings_attempt_id", "recordings", ["attempt_id"], unique=False)
    op.create_index("ix_recordings_state_started_us", "recordings", ["state", "started_us"], unique=False)
    op.create_table(
        "pauses",
        sa.Column("recording_id", sa.String(length=26), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("to_us IS NULL OR to_us >= from_us", name=op.f("ck_pauses_span")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_pauses_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", "from_us", name=op.f("pk_pauses")),
    )
    op.create_table(
        "segments",
        sa.Column("recording_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blob", sa.String(length=128), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ciphertext_size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('open', 'sealed', 'failed')", name=op.f("ck_segments_state")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_segments_number")),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.id"], name=op.f("fk_segments_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", "number", name=op.f("pk_segments")),
    )
    op.create_table(
        "wraps",
        sa.Column("recording_id", sa.String(length=26), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("kek_id", sa.String(length=26), nullable=False),
        sa.Column("algorithm", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["kek_id"], ["keks.id"], name=op.f("fk_wraps_kek_id")),
        sa.ForeignKeyConstraint(
            ["recording_id", "segment"],
            ["segments.recording_id", "segments.number"],
            name=op.f("fk_wraps_recording_id_segment"),
        ),
        sa.PrimaryKeyConstraint("recording_id", "segment", "kek_id", name=op.f("pk_wraps")),
    )
