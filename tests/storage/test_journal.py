"""The journal of opt-outs: what was kept is found again, whatever a crash or a full disk left behind it."""

from pathlib import Path

import pytest

from compliance.errors import BadInput, HeedlineError
from storage.errors import DatabaseBusy, DatabaseFailed, LedgerConflict, NoSuchAttempt, SealBroken, StorageError
from storage.ids import new_id
from storage.ledger.journal import KeptOptOut, OptOutJournal, tell_kept


def kept() -> KeptOptOut:
    return KeptOptOut(new_id(), "callee_key_9", "callee")


@pytest.fixture
def journal(tmp_path: Path) -> OptOutJournal:
    return OptOutJournal(tmp_path / "journal")


def test_a_line_torn_anywhere_spoils_neither_the_one_before_nor_the_one_after(
    journal: OptOutJournal, tmp_path: Path
) -> None:
    file, before, torn, after = tmp_path / "journal", kept(), kept(), kept()
    journal.keep(before)
    whole = file.read_bytes()
    journal.keep(torn)
    both = file.read_bytes()
    for end in range(len(whole), len(both)):
        file.write_bytes(both[:end])
        journal.keep(after)
        found = journal.kept()
        assert [found[0], found[-1]] == [before, after], f"cut after {end} bytes"
        journal.forget(before.attempt)
        assert journal.kept()[-1] == after


async def test_what_the_ledger_takes_is_forgotten_and_the_unknown_stays(journal: OptOutJournal) -> None:
    unknown, known, told = kept(), kept(), list[KeptOptOut]()

    async def tell(opt_out: KeptOptOut) -> None:
        if opt_out == unknown:
            raise NoSuchAttempt("none here")
        told.append(opt_out)

    journal.keep(unknown)
    journal.keep(known)
    assert await tell_kept(journal, tell) == ()
    assert told == [known]
    assert journal.kept() == [unknown]


@pytest.mark.parametrize("busy", [DatabaseBusy, DatabaseFailed])
async def test_a_ledger_that_takes_nothing_now_is_asked_later(journal: OptOutJournal, busy: type[StorageError]) -> None:
    async def tell(opt_out: KeptOptOut) -> None:
        raise busy("locked")

    journal.keep(opt_out := kept())
    with pytest.raises(busy):
        await tell_kept(journal, tell)
    assert journal.kept() == [opt_out]


@pytest.mark.parametrize("refusal", [LedgerConflict, SealBroken, BadInput])
async def test_what_the_ledger_refuses_holds_up_no_other(journal: OptOutJournal, refusal: type[HeedlineError]) -> None:
    bad, good, told = kept(), kept(), list[KeptOptOut]()

    async def tell(opt_out: KeptOptOut) -> None:
        if opt_out == bad:
            raise refusal("for another number")
        told.append(opt_out)

    journal.keep(bad)
    journal.keep(good)
    refused = await tell_kept(journal, tell)
    assert [type(error) for error in refused] == [refusal]
    assert (told, journal.kept()) == ([good], [bad])
