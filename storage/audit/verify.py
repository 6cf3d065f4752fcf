"""Prove the audit log: every entry re-hashed, every link, every signed checkpoint; each trouble named by seq.

Only public keys are needed. What a checkpoint does not cover yet is held by the chain alone, and whoever can
write the database could forge a chain that fits: the report says how many entries that concerns (`uncovered`).
A checkpoint kept elsewhere (`witnessed`) also shows a log that was cut back together with its checkpoints.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from storage.audit.entry import GENESIS, Entry, entry_hash
from storage.audit.note import BadCheckpoint, VerifierKey, read_note
from storage.canonical import LARGEST_INTEGER
from storage.merkle import HASH_BYTES, Tree

if TYPE_CHECKING:
    from storage.unit import Transaction

_MOST_FINDINGS = 100


class Trouble(Enum):
    CHANGED = "changed"  # the entry does not fit its own hash
    UNLINKED = "unlinked"  # the entry does not name its predecessor's hash
    MISSING = "missing"  # entries that must have been there are not
    REORDERED = "reordered"  # another entry stands in this place
    REWRITTEN = "rewritten"  # chain and hashes fit, but not what was signed
    BAD_CHECKPOINT = "bad_checkpoint"  # a checkpoint is damaged or signed by nobody trusted


@dataclass(frozen=True)
class Finding:
    """`first` to `last` are the seqs concerned; for BAD_CHECKPOINT both are the checkpoint's size."""

    trouble: Trouble
    first: int
    last: int
    detail: str


@dataclass
class Report:
    """What a verification saw. `uncovered`: entries after the last good checkpoint."""

    entries: int = 0
    checkpoints: int = 0
    covered: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.findings

    @property
    def uncovered(self) -> int:
        return max(0, self.entries - self.covered)

    def add(self, trouble: Trouble, first: int, last: int, detail: str) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(trouble, first, last, detail))

    def names_before(self, size: int) -> bool:
        """Whether some entry below `size` is named already: a root over it can't fit then."""
        return any(f.first < size for f in self.findings if f.trouble is not Trouble.BAD_CHECKPOINT)


@dataclass(frozen=True)
class _Mark:
    """A root that the log must have at a size; `peaks` None for a witnessed note."""

    size: int
    root: bytes
    peaks: bytes | None


async def verify(tx: "Transaction", keys: tuple[VerifierKey, ...], witnessed: tuple[str, ...] = ()) -> Report:
    """Verify the whole log in one snapshot. `witnessed`: signed notes kept outside this database.

    Raises BadCheckpoint: a witnessed note is malformed or not signed by one of the keys.
    """
    report = Report()
    marks = [_Mark(note.size, note.root, None) for note in (read_note(text, keys) for text in witnessed)]
    for size, peaks, text in await tx.audit.checkpoints():
        report.checkpoints += 1
        try:
            note = read_note(text, keys)
            if note.size != size:
                raise BadCheckpoint("it is the note of another size")
        except BadCheckpoint as error:
            report.add(Trouble.BAD_CHECKPOINT, size, size, str(error))
            continue
        marks.append(_Mark(size, note.root, peaks))
    marks.sort(key=lambda mark: mark.size)
    await _walk(tx, report, marks)
    return report


async def _walk(tx: "Transaction", report: Report, marks: list[_Mark]) -> None:
    tree, waiting = Tree(), list(marks)
    links: tuple[bytes, ...] = (GENESIS,)
    async for entry in tx.audit.entries():
        _meet(report, waiting, tree)
        if not _well_typed(entry):
            report.add(Trouble.CHANGED, tree.size, tree.size, "a column holds another type")
            tree.append_leaf(bytes(HASH_BYTES))
            links = (entry.hash,)
            continue
        if entry.seq > tree.size:
            report.add(Trouble.MISSING, tree.size, entry.seq - 1, "no such entry")
            # The tree goes on counting in seqs; its roots can't fit any more, and need not be named again.
            tree = Tree.restore(entry.seq, [bytes(HASH_BYTES)] * entry.seq.bit_count())
            _meet(report, waiting, tree)
            links = (entry.previous,)
        leaf = await _check(tx, report, entry, links)
        tree.append_leaf(leaf)
        links = (entry.hash, leaf)  # where the two differ, this entry has been named: the next one may be good
    _meet(report, waiting, tree)
    report.entries = tree.size
    for mark in waiting:
        report.add(Trouble.MISSING, tree.size, mark.size - 1, f"a signed checkpoint covers {mark.size} entries")
        break


def _well_typed(entry: Entry) -> bool:
    """SQLite keeps any type in any column: what was written past us may hold anything."""
    texts, numbers = (entry.tag, entry.data), (entry.seq, entry.at_us)
    return (
        all(isinstance(value, bytes) for value in (entry.previous, entry.hash))
        and all(isinstance(value, str) for value in texts)
        and all(isinstance(value, int) and abs(value) <= LARGEST_INTEGER for value in numbers)
    )


async def _check(tx: "Transaction", report: Report, entry: Entry, links: tuple[bytes, ...]) -> bytes:
    """Check one entry against its hash and its predecessor's; returns the hash of what it holds."""
    leaf = entry_hash(entry.seq, entry.at_us, entry.tag, entry.data, entry.previous)
    if leaf != entry.hash:
        origin = await _true_place(tx, entry)
        if origin is not None:
            report.add(Trouble.REORDERED, entry.seq, entry.seq, f"it holds entry {origin}")
        else:
            report.add(Trouble.CHANGED, entry.seq, entry.seq, "it does not fit its hash")
    elif entry.previous not in links:
        report.add(Trouble.UNLINKED, entry.seq, entry.seq, "it does not follow the entry before it")
    return leaf


async def _true_place(tx: "Transaction", entry: Entry) -> int | None:
    """The seq under which the entry fits its hash: another one, when rows have been swapped."""
    before = -1 if entry.previous == GENESIS else await tx.audit.seq_of_hash(entry.previous)
    candidates = [] if before is None else [before + 1]
    # Its predecessor may have been swapped too: then the hash it names stands one place off.
    candidates += [seq for seq in range(max(0, entry.seq - 64), entry.seq + 65) if seq not in candidates]
    for seq in candidates:
        if entry_hash(seq, entry.at_us, entry.tag, entry.data, entry.previous) == entry.hash:
            return seq
    return None


def _meet(report: Report, waiting: list[_Mark], tree: Tree) -> None:
    """Compare the tree with the signed roots of its present size."""
    while waiting and waiting[0].size <= tree.size:
        mark = waiting.pop(0)
        if mark.root != tree.root():
            if not report.names_before(mark.size):
                first, last = report.covered, mark.size - 1
                report.add(Trouble.REWRITTEN, first, last, f"the root signed at {mark.size} entries is another")
            continue
        if mark.peaks is not None and mark.peaks != b"".join(tree.peaks()):
            report.add(Trouble.BAD_CHECKPOINT, mark.size, mark.size, "its subtree hashes were changed")
            continue
        if not report.names_before(mark.size):
            report.covered = mark.size
