"""Consents with their words, scope and validity; confirmation tokens, the outbox, and the log of uses.

The acts that stand already keep every field; their position is the order in which they were written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_APPEND_ONLY = ("consent_texts", "consent_uses", "consent_tokens", "consent_tries", "consent_deliveries")

SQLITE_GUARD = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRESQL_GUARD = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION heedline_append_only()"""

NUMBER_THE_ROWS = """UPDATE consents SET position = numbered.place
FROM (SELECT id, row_number() OVER (PARTITION BY party_id ORDER BY at_us, id) - 1 AS place FROM consents) AS numbered
WHERE numbered.id = consents.id"""

COPY = """INSERT INTO consents (id, party_id, position, kind, purpose, act, evidence, attempt_id, at_us, by)
SELECT id, party_id, row_number() OVER (PARTITION BY party_id ORDER BY at_us, id) - 1,
       kind, purpose, act, evidence, attempt_id, at_us, by FROM consents_0001"""


def upgrade() -> None:
    op.create_table(
        "consent_texts",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_consent_texts")),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        _extend()
    else:
        _rebuild()
    op.create_index(
        "uq_consents_confirmed",
        "consents",
        ["refers_to"],
        unique=True,
        sqlite_where=sa.text("act = 'confirm'"),
        postgresql_where=sa.text("act = 'confirm'"),
    )
    _tables()
    run = op.get_bind().exec_driver_sql
    if postgresql:
        for table in ("consents", *NEW_APPEND_ONLY):
            run(POSTGRESQL_GUARD.format(table=table))
        return
    for table in ("consents", *NEW_APPEND_ONLY):
        for verb in ("update", "delete"):
            run(SQLITE_GUARD.format(table=table, verb=verb, VERB=verb.upper()))


def _columns() -> list[sa.Column[object]]:
    columns: list[sa.Column[object]] = [
        sa.Column("seller", sa.String(length=128), nullable=True),
        sa.Column("channel", sa.String(length=64), nullable=True),
        sa.Column("jurisdiction", sa.String(length=8), nullable=True),
        sa.Column("text_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("collected_by", sa.String(length=128), nullable=True),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=True),
        sa.Column("pending", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("refers_to", sa.String(length=26), nullable=True),
        sa.Column("honoured_by_us", sa.BigInteger(), nullable=True),
    ]
    return columns


CHECKS = {
    "position": "position >= 0",
    "valid_until": "valid_until_us IS NULL OR valid_until_us > at_us",
    "pending": "NOT pending OR act = 'grant'",
    "honoured_by": "honoured_by_us IS NULL OR act = 'withdraw'",
}


def _extend() -> None:
    """PostgreSQL adds columns in place; the guard is lifted for the one statement that numbers the rows."""
    run = op.get_bind().exec_driver_sql
    run("DROP TRIGGER consents_append_only ON consents")
    op.add_column("consents", sa.Column("position", sa.Integer(), nullable=True))
    for column in _columns():
        op.add_column("consents", column)
    run(NUMBER_THE_ROWS)
    op.alter_column("consents", "position", nullable=False)
    op.drop_index("ix_consents_party_id_at_us", table_name="consents")
    op.create_unique_constraint(op.f("uq_consents_party_id_position"), "consents", ["party_id", "position"])
    op.create_foreign_key(op.f("fk_consents_text_hash"), "consents", "consent_texts", ["text_hash"], ["hash"])
    op.create_foreign_key(op.f("fk_consents_refers_to"), "consents", "consents", ["refers_to"], ["id"])
    for name, check in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_consents_{name}"), "consents", check)


def _rebuild() -> None:
    """SQLite can add no constraint to a table: make it anew and copy. Dropping it takes triggers and index along."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE consents RENAME TO consents_0001")
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("party_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        *_columns(),
        sa.CheckConstraint("act IN ('grant', 'confirm', 'withdraw', 'refuse')", name=op.f("ck_consents_act")),
        *(sa.CheckConstraint(check, name=op.f(f"ck_consents_{name}")) for name, check in CHECKS.items()),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_consents_attempt_id")),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_consents_party_id")),
        sa.ForeignKeyConstraint(["text_hash"], ["consent_texts.hash"], name=op.f("fk_consents_text_hash")),
        sa.ForeignKeyConstraint(["refers_to"], ["consents.id"], name=op.f("fk_consents_refers_to")),
        sa.UniqueConstraint("party_id", "position", name=op.f("uq_consents_party_id_position")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    run(COPY)
    run("DROP TABLE consents_0001")


def _tables() -> None:
    op.create_table(
        "consent_uses",
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("attempt_id", sa.String(length=26), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_consent_uses_attempt_id")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_consent_uses_consent_id")),
        sa.PrimaryKeyConstraint("consent_id", "attempt_id", name=op.f("pk_consent_uses")),
    )
    op.create_table(
        "consent_tokens",
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("expires_us > issued_us", name=op.f("ck_consent_tokens_expires")),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_consent_tokens_consent_id")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_consent_tokens_token_hash")),
    )
    op.create_table(
        "consent_tries",
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("n BETWEEN 1 AND 5", name=op.f("ck_consent_tries_n")),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consent_tokens.consent_id"], name=op.f("fk_consent_tries_consent_id")
        ),
        sa.PrimaryKeyConstraint("consent_id", "n", name=op.f("pk_consent_tries")),
    )
    op.create_table(
        "consent_messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("consent_id", sa.String(length=26), nullable=False),
        sa.Column("transport", sa.String(length=16), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("transport IN ('smtp', 'webhook')", name=op.f("ck_consent_messages_transport")),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consent_tokens.consent_id"], name=op.f("fk_consent_messages_consent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_messages")),
    )
    op.create_index("ix_consent_messages_consent_id", "consent_messages", ["consent_id"], unique=False)
    op.create_table(
        "consent_deliveries",
        sa.Column("message_id", sa.String(length=26), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=256), nullable=False),
        sa.CheckConstraint("n >= 1", name=op.f("ck_consent_deliveries_n")),
        sa.CheckConstraint("outcome IN ('sent', 'failed')", name=op.f("ck_consent_deliveries_outcome")),
        sa.ForeignKeyConstraint(["message_id"], ["consent_messages.id"], name=op.f("fk_consent_deliveries_message_id")),
        sa.PrimaryKeyConstraint("message_id", "n", name=op.f("pk_consent_deliveries")),
    )
