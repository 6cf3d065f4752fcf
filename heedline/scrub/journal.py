"""How far a scrub has come, so that one that was killed goes on where it was.

`.scrub.json` in the folder of the results. It is written after the results have been made durable, so they hold at
least what it says; what they hold beyond it is cut off when the scrub goes on. No record is lost or written twice.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from compliance.errors import BadInput
from heedline.secrets import write_private

NAME = ".scrub.json"
_LARGEST = 1 << 22


@dataclass(frozen=True)
class Task:
    """What is scrubbed, how, and against what: when any of it differs, the results don't fit."""

    size: int
    mtime_ns: int
    column: str | None
    campaign: str | None
    knowledge: dict[str, str]  # the rules' version, and the version of each list


@dataclass
class Journal:
    """`offset`: of the first byte that is not done yet, in line `line`; `lengths`: of the results, in bytes."""

    task: Task
    at: str
    offset: int = 0
    line: int = 1
    lengths: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    complete: bool = False

    def write(self, folder: Path) -> None:
        write_private(folder / NAME, json.dumps(asdict(self)).encode(), replace=True)

    @classmethod
    def read(cls, folder: Path) -> "Journal | None":
        """None: there is none. What a kill left of one half written is removed. Raises BadInput: it is damaged."""
        for scratch in folder.glob(f".{NAME}.*"):
            scratch.unlink()
        try:
            with (folder / NAME).open("rb") as stream:
                data = json.loads(stream.read(_LARGEST))
            return cls(**{**data, "task": Task(**data["task"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise BadInput(f"{folder / NAME}: damaged; remove {folder} and scrub again") from None
