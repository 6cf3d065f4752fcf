"""The recorder process: `heedline recorder run`, or `python -m heedline.recorder_main`.

It reads one secret (`node.key`, to sign with) and no private KEK.
"""

import asyncio

from heedline.bootstrap import open_database
from heedline.cli.options import home_of
from heedline.custody import node_signer, trusted
from heedline.home import Home
from heedline.pbx.spool import ensure_ram_spool
from heedline.processes.lifetime import run_process
from heedline.settings import Settings
from storage.vault.books import RecorderSettings
from storage.vault.service import serve


async def run_recorder(home: Home, settings: Settings) -> None:
    """Until cancelled. Raises SpoolUnfit, SpoolNotRam, SecretMissing, and the ledger's errors."""
    recording = settings.recording
    spool = await asyncio.to_thread(ensure_ram_spool, home, settings)
    db = await open_database(home, settings)
    try:
        await serve(
            db,
            home.vault,
            spool.resolve(),
            home.recorder_socket,
            RecorderSettings(
                tenant=settings.tenant,
                node=settings.node,
                retention_class=recording.retention_class,
                retention_days=recording.retention_days,
                segment_minutes=recording.segment_minutes,
            ),
            node_signer(home, settings),
            trusted(home),
        )
    finally:
        await db.close()


def main() -> None:
    home = home_of(None)
    run_process(home, "recorder", run_recorder(home, Settings.load(home.settings_file)))


if __name__ == "__main__":
    main()
