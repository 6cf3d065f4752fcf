"""A folder of registries, and what is imported into it in a line."""

import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from compliance.number import Number
from storage.registry import Order, Prepared, Registries, dropping, importing

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
TODAY = date(2026, 11, 20)
FTC = "us.ftc.ndnc"


@dataclass(frozen=True)
class World:
    folder: Path
    key: bytes = b"k" * 32

    @property
    def registry(self) -> Path:
        return self.folder / "registry"

    def write(self, content: bytes | str, name: str = "list.txt") -> Path:
        file = self.folder / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def take(self, content: bytes | str | Path, list_id: str = FTC, **more: Any) -> Prepared:
        """Import and swap."""
        file = content if isinstance(content, Path) else self.write(content)
        order = Order(**{"list": list_id, "files": (file,), "who": "test", "at": NOW, "version_date": TODAY, **more})
        with importing(self.registry, self.key, order) as prepared:
            prepared.swap()
        return prepared

    def drop(self, list_id: str) -> None:
        with dropping(self.registry, list_id) as do:
            do()

    def open(self) -> Registries:
        return Registries.open(self.registry, self.key)

    def listed(self, e164: str, list_id: str = FTC) -> bool | None:
        """None: nothing is known."""
        answer = self.open().check(Number(e164)).get(list_id)
        return None if answer is None else answer.listed

    def indexes(self) -> list[Path]:
        return sorted(self.registry.glob("*.idx"))


def flat(numbers: Iterable[int]) -> str:
    """Ten-digit numbers as the FTC writes them."""
    return "".join(f"{number // 10**7},{number % 10**7:07d}\n" for number in numbers)


def killed_at(step: int, work: Callable[[], object], calls: tuple[str, ...] = ("fsync", "rename", "unlink")) -> bool:
    """Do the work in a process of its own, killed just before its call number `step` of these; False: it was done."""
    child = os.fork()
    if child == 0:
        left = step

        def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **more: Any) -> Any:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return real(*arguments, **more)

            return call

        for name in calls:
            setattr(os, name, guarded(getattr(os, name)))
        try:
            work()
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False
