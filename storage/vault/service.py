"""The recorder as a service: resume what was open, serve, follow; end segments on a planned stop."""

import asyncio
import contextlib
import logging
from pathlib import Path

from storage.database import Database
from storage.errors import DatabaseBusy
from storage.vault.blobs import FolderBlobs
from storage.vault.books import Books, RecorderSettings
from storage.vault.recorder import ABANDONED_AFTER, Recorder, utc_now
from storage.vault.resume import resume
from storage.vault.server import RecorderServer
from storage.vault.signing import Signer
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
    stop: asyncio.Event,
    *,
    abandoned_after: float = ABANDONED_AFTER,
) -> None:
    """Run until `stop` is set. Raises SpoolUnfit, RecorderError `running`, and the ledger's errors but busy."""
    folder = SpoolFolder(spool)
    if folder.swap_exposed():
        log.warning("swap is on and %s is mounted without noswap: plaintext could reach the swap disk", spool)
    blobs = FolderBlobs(vault)
    books = Books(db, settings, signer, utc_now)
    recorder = Recorder(books, blobs, folder, segment_minutes=settings.segment_minutes, abandoned_after=abandoned_after)
    server = RecorderServer(recorder)
    # The socket first: of two recorders, the second must not touch what the first one follows.
    await server.start(socket)
    pump = None
    try:
        while True:
            try:
                taken_up = await resume(recorder, books, blobs, folder)
                break
            except DatabaseBusy as error:
                log.warning("the recorder waits for the ledger: %s", error)
                await asyncio.sleep(_LEDGER_RETRY)
        log.info("the recorder is up; %d recordings go on", taken_up)
        server.open_up()
        pump = asyncio.create_task(recorder.run())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({pump, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if pump.done():
            pump.result()
    finally:
        await server.stop()
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        await recorder.stop()
        await asyncio.to_thread(socket.unlink, missing_ok=True)
