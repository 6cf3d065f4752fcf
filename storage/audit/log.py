"""The audit log in the ledger: append an entry, sign a checkpoint, read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, desc, insert, select, type_coerce
from sqlalchemy.types import NullType

from storage.audit.entry import GENESIS, AuditValue, Entry, checked_data, entry_hash
from storage.audit.note import BadCheckpoint, CheckpointSigner, read_note
from storage.audit.tags import AuditTag
from storage.errors import AuditBroken
from storage.instant import to_us
from storage.merkle import HASH_BYTES, Tree
from storage.schema import audit, audit_checkpoints

if TYPE_CHECKING:
    from storage.unit import Transaction

CHECKPOINT_EVERY = 64
_PAGE = 500
_TAIL = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = insert(audit)


def _raw(table: Table) -> Select[*tuple[Any, ...]]:
    """All columns as they are stored, unconverted: a tampered row must reach `verify`, not break the read."""
    return select(*(type_coerce(column, NullType()).label(column.name) for column in table.columns))


class Audit:
    """The log of one transaction's view."""

    def __init__(self, tx: "Transaction") -> None:
        self._tx = tx

    async def append(self, tag: AuditTag, at: datetime, data: Mapping[str, AuditValue]) -> int:
        """Append an entry; it stands when the transaction commits. Returns its seq, from 0.

        With a signer, every 64th entry is followed by a signed checkpoint in the same transaction.
        Raises BadAuditData (see `checked_data`).
        """
        return await self.append_each(tag, at, [data])

    async def append_each(self, tag: AuditTag, at: datetime, datas: Sequence[Mapping[str, AuditValue]]) -> int:
        """Append an entry for each of the data, as `append` does; returns the first one's seq."""
        texts = [checked_data(data) for data in datas]
        tail = await self._tx.first(_TAIL, {})
        first, previous = (0, GENESIS) if tail is None else (tail.seq + 1, tail.hash)
        at_us = to_us(at)
        rows: list[dict[str, Any]] = []
        for seq, text in enumerate(texts, first):
            value = entry_hash(seq, at_us, tag.value, text, previous)
            row = {"seq": seq, "at_us": at_us, "tag": tag.value, "data": text, "previous": previous, "hash": value}
            rows.append(row)
            previous = value
        if len(rows) == 1:
            await self._tx.run(_APPEND, rows[0])
        elif rows:
            await self._tx.run_each(_APPEND, rows)
        if self._tx.signer is not None and (first + len(rows)) // CHECKPOINT_EVERY > first // CHECKPOINT_EVERY:
            # An opt-out must not fail because someone has been at the log: nothing is signed then, and the
            # entries stay uncovered until `heedline audit verify` has named the trouble.
            with suppress(AuditBroken):
                await self.checkpoint(self._tx.signer, at)
        return first

    async def checkpoint(self, signer: CheckpointSigner, at: datetime | None = None) -> str:
        """Sign the log as it stands and keep the note; a log signed at this size already gives that note.

        Only what has been added since the last checkpoint is read and re-hashed.
        Raises AuditBroken: that part does not fit its hashes or the last signed root; nothing is signed.
        """
        tree, last, note = await self._signed_so_far(signer)
        async for entry in self.entries(after=tree.size - 1):
            expected = entry_hash(entry.seq, entry.at_us, entry.tag, entry.data, last)
            if entry.seq != tree.size or entry.hash != expected:
                raise AuditBroken(f"audit entry {entry.seq} does not fit; run `heedline audit verify`")
            tree.append_leaf(expected)
            last = expected
        if note is not None and read_note(note, (signer.key,)).size == tree.size:
            return note
        note = signer.sign(tree.size, tree.root())
        if await self._tx.scalar(select(audit_checkpoints.c.size).where(audit_checkpoints.c.size == tree.size)):
            return note  # another node's stands there; the chain of our own goes on at the next size
        await self._tx.run(
            insert(audit_checkpoints).values(
                size=tree.size, at_us=to_us(at or datetime.now(UTC)), peaks=b"".join(tree.peaks()), note=note
            )
        )
        return note

    async def _signed_so_far(self, signer: CheckpointSigner) -> tuple[Tree, bytes, str | None]:
        """The tree at the last checkpoint of this key, the hash of its last entry, and the note."""
        for size, peaks, note in await self._rows(_raw(audit_checkpoints).order_by(desc("size")).limit(64)):
            try:
                signed = read_note(note, (signer.key,))
                tree = Tree.restore(size, [peaks[i : i + HASH_BYTES] for i in range(0, len(peaks), HASH_BYTES)])
            except (BadCheckpoint, ValueError):
                continue  # another node's, or damaged: `verify` names it
            if signed.size != size or signed.root != tree.root():
                raise AuditBroken(f"audit checkpoint {size} does not fit; run `heedline audit verify`")
            last = await self._tx.scalar(select(audit.c.hash).where(audit.c.seq == size - 1))
            return tree, last or GENESIS, note
        return Tree(), GENESIS, None

    async def checkpoints(self) -> list[tuple[int, bytes, str]]:
        """All checkpoints, (size, peaks, note), smallest first."""
        return await self._rows(_raw(audit_checkpoints).order_by("size"))

    async def _rows(self, query: Select[*tuple[Any, ...]]) -> list[tuple[int, bytes, str]]:
        rows = await self._tx.all(query)
        return [(row.size, row.peaks if isinstance(row.peaks, bytes) else b"", str(row.note)) for row in rows]

    async def entries(self, after: int = -1, limit: int | None = None) -> AsyncIterator[Entry]:
        """Entries with a seq above `after`, in order, read in pages."""
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            query = _raw(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(page)
            rows = await self._tx.all(query)
            for row in rows:
                yield Entry(row.seq, row.at_us, row.tag, row.data, row.previous, row.hash)
            if len(rows) < page:
                return
            after = rows[-1].seq
            left = None if left is None else left - len(rows)

    async def tagged(self, tag: AuditTag) -> list[Entry]:
        """Every entry with that tag, in order (a full scan; for what is asked once a process)."""
        rows = await self._tx.all(_raw(audit).where(audit.c.tag == tag.value).order_by(audit.c.seq))
        return [Entry(row.seq, row.at_us, row.tag, row.data, row.previous, row.hash) for row in rows]

    async def size(self) -> int:
        """How many entries there are, by the last one's seq."""
        last = await self._tx.scalar(select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1))
        return 0 if last is None else int(last) + 1

    async def seq_of_hash(self, value: bytes) -> int | None:
        """The seq of the entry with that stored hash (a full scan; for `verify` after a finding)."""
        found = await self._tx.scalar(select(audit.c.seq).where(audit.c.hash == value).limit(1))
        return None if found is None else int(found)
