"""Those who want to hear at once when a recording fails or is sealed."""

import asyncio

from storage.vault.fields import Json
from storage.vault.manifest import Manifest

_MOST_WAITING = 1_000


class Watcher:
    """One listener's queue. `lagging` once it did not keep up: it is cut off, and hears all again when it returns."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Json]] = asyncio.Queue(_MOST_WAITING)
        self.lagging = asyncio.Event()

    def put(self, message: dict[str, Json]) -> None:
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.lagging.set()


class Watchers:
    def __init__(self) -> None:
        self._all: set[Watcher] = set()

    def add(self) -> Watcher:
        watcher = Watcher()
        self._all.add(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> None:
        self._all.discard(watcher)

    def tell_failed(self, recording: str, error: str) -> None:
        self._tell(failed_message(recording, error))

    def tell_sealed(self, manifest: Manifest) -> None:
        milliseconds = int(manifest.seconds * 1000)
        self._tell({"event": "sealed", "recording": manifest.recording, "milliseconds": milliseconds})

    def _tell(self, message: dict[str, Json]) -> None:
        for watcher in self._all:
            watcher.put(message)


def failed_message(recording: str, error: str) -> dict[str, Json]:
    return {"event": "failed", "recording": recording, "error": error}
