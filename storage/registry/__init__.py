"""National and state do-not-call lists: imported strictly, kept as sealed memory-mapped indexes, swapped at once."""

from storage.registry.errors import BadLine, BadList, RegistryBusy, RegistryDamaged
from storage.registry.registries import REASSIGNED, Registries, Swept
from storage.registry.version import Coverage, ListVersion, Source

__all__ = [
    "REASSIGNED",
    "BadLine",
    "BadList",
    "Coverage",
    "ListVersion",
    "Registries",
    "RegistryBusy",
    "RegistryDamaged",
    "Source",
    "Swept",
]
