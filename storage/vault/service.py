"""The recorder as a service: resume what was open, serve, follow; end segments on a planned stop."""

import asyncio
import logging
from pathlib import Path

from storage.database import Database
from storage.errors import DatabaseBusy
from storage.vault.blobs import FolderBlobs
from storage.vault.books import Books, RecorderSettings
from storage.vault.recorder import ABANDONED_AFTER, Recorder, utc_now
from storage.vault.resume import resume
from storage.vault.server import RecorderServer
from storage.vault.signing import Signer, Trusted
from storage.vault.spool import SpoolFolder

log = logging.getLogger("heedline.recorder")

_LEDGER_RETRY = 1.0


async def serve(
    db: Database,
    vault: Path,
    spool: Path,
    socket: Path,
    settings: RecorderSettings,
    signer: Signer,
    trusted: Trusted | None = None,
    *,
    abandoned_after: float = ABANDONED_AFTER,
) -> None:
    """Run until cancelled; then every segment is ended with all there is.

    Raises SpoolUnfit, RecorderError `running`, and the ledger's errors but DatabaseBusy, which it waits out.
    """
    folder = SpoolFolder(spool)
    if folder.swap_exposed():
        log.warning("swap is on and %s is mounted without noswap: plaintext could reach the swap disk", spool)
    blobs = FolderBlobs(vault)
    books = Books(db, settings, signer, utc_now, trusted)
    recorder = Recorder(books, blobs, folder, segment_minutes=settings.segment_minutes, abandoned_after=abandoned_after)
    server = RecorderServer(recorder)
    # The socket first: of two recorders, the second must not touch what the first one follows.
    await server.start(socket)
    try:
        await _take_up(recorder, books, blobs, folder)
        server.open_up()
        await recorder.run()
    finally:
        await server.stop()
        await recorder.stop()
        await asyncio.to_thread(socket.unlink, missing_ok=True)


async def _take_up(recorder: Recorder, books: Books, blobs: FolderBlobs, spool: SpoolFolder) -> None:
    while True:
        try:
            taken_up = await resume(recorder, books, blobs, spool)
        except DatabaseBusy as error:
            log.warning("the recorder waits for the ledger: %s", error)
            await asyncio.sleep(_LEDGER_RETRY)
            continue
        log.info("the recorder is up; %d recordings go on", taken_up)
        return
