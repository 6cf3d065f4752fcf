"""The tables of the ledger, as SQLAlchemy Core; the migrations must come to the same (a test compares).

Times are integer microseconds since the epoch (`_us`), ids are ULIDs, JSON is canonical text, keys and hashes
are bytes. Closed sets are CHECK constraints. What the law may ask about is append-only, and the database
itself refuses to change or delete it (`APPEND_ONLY`, guarded by triggers).
"""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = String(26)
Name = String(64)


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# --- who is called, and on whose behalf ---------------------------------------------------------------------

parties = Table(
    "parties",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lookup_hash", LargeBinary(32), nullable=False, unique=True),
    Column("number_sealed", LargeBinary),  # null once the person has been erased
    Column("created_us", BigInteger, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("name", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("seller", String(128), nullable=False),
    Column("purpose", Name, nullable=False),
    Column("caller_id", String(16), nullable=False),
    Column("language", String(16), nullable=False),
    Column("placement", String(16), nullable=False),
    Column("recording", String(16), nullable=False),
    Column("recording_required", Boolean, nullable=False),
    Column("on_refusal", String(16), nullable=False),
    Column("ring_seconds", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("call_kind", String(16), nullable=False, server_default="live"),
    Column("party", String(16), nullable=False, server_default="consumer"),
    Column("topic", Name),
    Column("double_opt_in", Boolean, nullable=False, server_default=text("false")),
    Column("start_us", BigInteger),  # no call before it
    PrimaryKeyConstraint("name", "version"),
    CheckConstraint("version >= 1", name="version"),
    _one_of("placement", ("before_agent", "in_bridge")),
    _one_of("recording", ("follow_law", "notice", "explicit", "none")),
    _one_of("on_refusal", ("continue", "end")),
    _one_of("call_kind", ("live", "autodialed_live", "prerecorded", "ai_voice")),
    _one_of("party", ("consumer", "business")),
    # 47 CFR 64.1200(a)(6): an unanswered telemarketing call rings at least 15 seconds.
    CheckConstraint("ring_seconds BETWEEN 15 AND 120", name="ring_seconds"),
)

# What is known of a person; the last row holds, whole.
party_facts = Table(
    "party_facts",
    metadata,
    Column("party_id", Id, ForeignKey("parties.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("region", String(8)),
    Column("postal_code", String(16)),
    Column("party", String(16)),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Name, nullable=False),
    PrimaryKeyConstraint("party_id", "position"),
    CheckConstraint("position >= 0", name="position"),
    _one_of("party", ("consumer", "business")),
)

# Business with a seller: a purchase or an inquiry, and the end of it all.
relationships = Table(
    "relationships",
    metadata,
    Column("party_id", Id, ForeignKey("parties.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("seller", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at_us", BigInteger, nullable=False),  # when it happened
    Column("recorded_us", BigInteger, nullable=False),
    Column("by", Name, nullable=False),
    Column("note", String(256)),
    PrimaryKeyConstraint("party_id", "position"),
    CheckConstraint("position >= 0", name="position"),
    _one_of("kind", ("purchase", "inquiry", "ended")),
)

# Somebody stops calling: everything, a region, or one campaign. The last row of (name, campaign) holds.
switches = Table(
    "switches",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Name, nullable=False),
    Column("campaign", Name, nullable=False, server_default=text("''")),  # empty: all
    Column("act", String(8), nullable=False),
    Column("start_us", BigInteger),
    Column("end_us", BigInteger),
    Column("reason", String(256), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Name, nullable=False),
    CheckConstraint("position >= 0", name="position"),
    _one_of("act", ("on", "off")),
    CheckConstraint("start_us IS NULL OR end_us IS NULL OR end_us > start_us", name="span"),
    Index("ix_switches_name_campaign_position", "name", "campaign", "position"),
)

# --- calls --------------------------------------------------------------------------------------------------

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("party_id", Id, ForeignKey("parties.id"), nullable=False),
    Column("campaign", Name, nullable=False),
    Column("campaign_version", Integer, nullable=False),
    Column("agent", Name),
    Column("state", String(16), nullable=False),
    Column("not_before_us", BigInteger, nullable=False),
    Column("planned_by", Name, nullable=False),
    Column("planned_us", BigInteger, nullable=False),
    Column("committed_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("verdict", Text),
    Column("facts_digest", String(64)),
    Column("disposition", String(32)),
    Column("detail", String(256)),
    ForeignKeyConstraint(["campaign", "campaign_version"], ["campaigns.name", "campaigns.version"]),
    _one_of("state", ("pending", "dialling", "ended")),
    CheckConstraint("(state = 'ended') = (disposition IS NOT NULL)", name="disposition"),
    CheckConstraint("state <> 'dialling' OR committed_us IS NOT NULL", name="committed"),
    Index("ix_attempts_party_id_committed_us", "party_id", "committed_us"),
    Index("ix_attempts_state_not_before_us", "state", "not_before_us"),
    Index("ix_attempts_campaign_committed_us", "campaign", "committed_us"),
)
# One person is never rung by two of our calls at once, whatever the code above believes.
Index(
    "uq_attempts_dialling",
    attempts.c.party_id,
    unique=True,
    sqlite_where=text("state = 'dialling'"),
    postgresql_where=text("state = 'dialling'"),
)

call_events = Table(
    "call_events",
    metadata,
    Column("attempt_id", Id, ForeignKey("attempts.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Name, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("attempt_id", "seq"),
    CheckConstraint("seq >= 0", name="seq"),
)

# Calls that a person answered, in the order they ended, with the sums so far: a period's counts are a difference.
call_outcomes = Table(
    "call_outcomes",
    metadata,
    Column("attempt_id", Id, ForeignKey("attempts.id"), primary_key=True),
    Column("campaign", Name, nullable=False),
    Column("position", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),  # never before the row before it
    Column("answered_us", BigInteger, nullable=False),
    Column("agent_after_us", BigInteger),  # from the answer until an agent was there; null: none came
    Column("abandoned", Boolean, nullable=False),
    Column("answered_total", BigInteger, nullable=False),
    Column("abandoned_total", BigInteger, nullable=False),
    UniqueConstraint("campaign", "position"),
    CheckConstraint("agent_after_us IS NULL OR agent_after_us >= 0", name="agent_after"),
    CheckConstraint("position >= 0 AND answered_total = position + 1", name="position"),
    CheckConstraint("abandoned_total BETWEEN 0 AND answered_total", name="totals"),
    Index("ix_call_outcomes_campaign_at_us_position", "campaign", "at_us", "position"),
)

# The exact words people agreed to: each kept once, however many agreed.
consent_texts = Table(
    "consent_texts",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("language", String(16), nullable=False),
    Column("version", Name, nullable=False),
    Column("text", Text, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("party_id", Id, ForeignKey("parties.id"), nullable=False),
    # The order in which a person's acts came to the ledger, whatever the clock said.
    Column("position", Integer, nullable=False),
    Column("kind", Name, nullable=False),
    Column("purpose", Name, nullable=False),
    Column("act", String(16), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("attempt_id", Id, ForeignKey("attempts.id")),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Name, nullable=False),
    Column("seller", String(128)),
    Column("channel", Name),
    Column("jurisdiction", String(8)),
    Column("text_hash", LargeBinary(32), ForeignKey("consent_texts.hash")),
    Column("collected_by", String(128)),
    Column("valid_until_us", BigInteger),
    Column("pending", Boolean, nullable=False, server_default=text("false")),  # counts only once confirmed
    Column("refers_to", Id, ForeignKey("consents.id")),  # the grant that a confirmation confirms
    Column("honoured_by_us", BigInteger),  # of a withdrawal: the law's deadline; ours is at once
    UniqueConstraint("party_id", "position"),
    _one_of("act", ("grant", "confirm", "withdraw", "refuse")),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("valid_until_us IS NULL OR valid_until_us > at_us", name="valid_until"),
    CheckConstraint("NOT pending OR act = 'grant'", name="pending"),
    CheckConstraint("honoured_by_us IS NULL OR act = 'withdraw'", name="honoured_by"),
)
# A grant is confirmed once, whoever comes at the same moment: this is what makes a token good for one use.
Index(
    "uq_consents_confirmed",
    consents.c.refers_to,
    unique=True,
    sqlite_where=text("act = 'confirm'"),
    postgresql_where=text("act = 'confirm'"),
)

# UWG 7a(2): the years for which a consent must be provable begin anew with each use.
consent_uses = Table(
    "consent_uses",
    metadata,
    Column("consent_id", Id, ForeignKey("consents.id"), nullable=False),
    Column("attempt_id", Id, ForeignKey("attempts.id"), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("consent_id", "attempt_id"),
)

# Double opt-in: what must be shown to confirm a pending grant; hashes only.
consent_tokens = Table(
    "consent_tokens",
    metadata,
    Column("consent_id", Id, ForeignKey("consents.id"), primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("code_hash", LargeBinary(32), nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    CheckConstraint("expires_us > issued_us", name="expires"),
)

# Wrong codes: there is no sixth row, so there is no sixth try.
consent_tries = Table(
    "consent_tries",
    metadata,
    Column("consent_id", Id, ForeignKey("consent_tokens.consent_id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    PrimaryKeyConstraint("consent_id", "n"),
    CheckConstraint("n BETWEEN 1 AND 5", name="n"),
)

# The outbox: durable before anything is sent, and sent until a delivery says so.
consent_messages = Table(
    "consent_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("consent_id", Id, ForeignKey("consent_tokens.consent_id"), nullable=False),
    Column("transport", String(16), nullable=False),
    Column("address_sealed", LargeBinary),  # null once the person has been erased
    Column("created_us", BigInteger, nullable=False),
    _one_of("transport", ("smtp", "webhook")),
    Index("ix_consent_messages_consent_id", "consent_id"),
)

consent_deliveries = Table(
    "consent_deliveries",
    metadata,
    Column("message_id", Id, ForeignKey("consent_messages.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", String(256), nullable=False),
    PrimaryKeyConstraint("message_id", "n"),
    _one_of("outcome", ("sent", "failed")),
    CheckConstraint("n >= 1", name="n"),
)

dnc_entries = Table(
    "dnc_entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lookup_hash", LargeBinary(32), nullable=False),
    # Whose calls, and about what, are not wanted; empty: everybody's, about anything.
    Column("seller", String(128), nullable=False, server_default=text("''")),
    Column("topic", Name, nullable=False, server_default=text("''")),
    # How often the number had been taken off before: with `act` it makes a second active entry impossible.
    Column("generation", Integer, nullable=False),
    Column("act", String(16), nullable=False),
    Column("number_sealed", LargeBinary),
    Column("source", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("reason", String(256), nullable=False),
    Column("proof", Text),
    Column("who", Name, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("attempt_id", Id, ForeignKey("attempts.id"), unique=True),
    Column("revokes", Id, ForeignKey("dnc_entries.id"), unique=True),
    UniqueConstraint("lookup_hash", "seller", "topic", "generation", "act"),
    _one_of("act", ("add", "revoke")),
    CheckConstraint("(act = 'revoke') = (revokes IS NOT NULL)", name="revokes"),
    CheckConstraint("generation >= 0", name="generation"),
)

# --- recordings and their keys (written by the vault) -------------------------------------------------------

recordings = Table(
    "recordings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("attempt_id", Id, ForeignKey("attempts.id"), nullable=False),
    Column("tenant", Name, nullable=False),
    Column("node", Name, nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("sealed_us", BigInteger),
    Column("rate", Integer, nullable=False),
    Column("layout", String(16), nullable=False),
    Column("retention_class", Name, nullable=False),
    Column("keep_until_us", BigInteger),
    Column("delete_after_us", BigInteger),
    Column("spool_name", String(64), nullable=False),
    Column("manifest", Text),
    Column("manifest_signature", LargeBinary(64)),
    Column("crashed", Boolean, nullable=False, server_default=text("false")),
    Column("reason", String(256)),
    _one_of("state", ("open", "sealed", "failed")),
    CheckConstraint("rate > 0", name="rate"),
    CheckConstraint("state <> 'sealed' OR manifest_signature IS NOT NULL", name="sealed"),
    Index("ix_recordings_attempt_id", "attempt_id"),
    Index("ix_recordings_state_started_us", "state", "started_us"),
)

segments = Table(
    "segments",
    metadata,
    Column("recording_id", Id, ForeignKey("recordings.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("blob", String(128), nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("ciphertext_size", BigInteger),
    Column("sha256", LargeBinary(32)),
    Column("state", String(16), nullable=False),
    PrimaryKeyConstraint("recording_id", "number"),
    _one_of("state", ("open", "sealed", "failed")),
    CheckConstraint("number >= 0", name="number"),
)

keks = Table(
    "keks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tenant", Name, nullable=False),
    Column("retention_class", Name, nullable=False),
    Column("month", String(7), nullable=False),  # "2031-11", the month in which it may be destroyed
    Column("algorithm", Name, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("sealed_private", LargeBinary),  # null once destroyed
    Column("provider", Name, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("ix_keks_tenant_retention_class_month", "tenant", "retention_class", "month"),
)

wraps = Table(
    "wraps",
    metadata,
    Column("recording_id", Id, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("kek_id", Id, ForeignKey("keks.id"), nullable=False),
    Column("algorithm", Name, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    PrimaryKeyConstraint("recording_id", "segment", "kek_id"),
    ForeignKeyConstraint(["recording_id", "segment"], ["segments.recording_id", "segments.number"]),
)

pauses = Table(
    "pauses",
    metadata,
    Column("recording_id", Id, ForeignKey("recordings.id"), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger),
    PrimaryKeyConstraint("recording_id", "from_us"),
    CheckConstraint("to_us IS NULL OR to_us >= from_us", name="span"),
)

# --- who may do what ----------------------------------------------------------------------------------------

principals = Table(
    "principals",
    metadata,
    Column("name", Name, primary_key=True),
    Column("created_us", BigInteger, nullable=False),
)

role_grants = Table(
    "role_grants",
    metadata,
    Column("id", Id, primary_key=True),
    Column("principal", Name, ForeignKey("principals.name"), nullable=False),
    Column("role", String(32), nullable=False),
    Column("generation", Integer, nullable=False),  # grants and revocations alternate: 0 grant, 1 revoke, …
    Column("act", String(16), nullable=False),
    Column("by", Name, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("principal", "role", "generation"),
    _one_of("act", ("grant", "revoke")),
    _one_of("role", ("agent", "supervisor", "compliance_officer", "admin")),
    CheckConstraint("(generation % 2 = 0) = (act = 'grant')", name="generation"),
)

# --- audit --------------------------------------------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("tag", Name, nullable=False),
    Column("data", Text, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    CheckConstraint("seq >= 0", name="seq"),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),  # the roots of the perfect subtrees, 32 bytes each
    Column("note", Text, nullable=False),
)

# --- append-only --------------------------------------------------------------------------------------------

APPEND_ONLY = (
    call_events,
    consent_texts,
    consents,
    consent_uses,
    consent_tokens,
    consent_tries,
    consent_deliveries,
    dnc_entries,
    audit,
    audit_checkpoints,
    role_grants,
    campaigns,
    party_facts,
    relationships,
    switches,
    call_outcomes,
)

_SQLITE_GUARD = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

_POSTGRESQL_FUNCTION = """CREATE OR REPLACE FUNCTION heedline_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
USING ERRCODE = 'integrity_constraint_violation'; END $$"""

_POSTGRESQL_GUARD = """CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION heedline_append_only()"""


def guard_statements(table: str, dialect: str) -> list[str]:
    """The DDL by which the database itself refuses to change or delete rows of the table."""
    if dialect == "postgresql":
        return [_POSTGRESQL_FUNCTION, _POSTGRESQL_GUARD.format(table=table)]
    return [_SQLITE_GUARD.format(table=table, verb=verb, VERB=verb.upper()) for verb in ("update", "delete")]


def _guard(table: Table, connection: Connection, **_options: object) -> None:
    for statement in guard_statements(table.name, connection.dialect.name):
        connection.exec_driver_sql(statement)


for _table in APPEND_ONLY:
    event.listen(_table, "after_create", _guard)
