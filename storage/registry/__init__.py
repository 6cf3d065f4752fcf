"""National and state do-not-call lists: imported strictly, kept as sealed memory-mapped indexes, swapped at once."""

from storage.registry.detect import Format
from storage.registry.errors import BadLine, BadList, RegistryBusy, RegistryDamaged
from storage.registry.importer import Order, Prepared, dropping, importing
from storage.registry.lists import REASSIGNED, country_of
from storage.registry.registries import Registries, Swept
from storage.registry.version import Coverage, ListVersion, Source

__all__ = [
    "REASSIGNED",
    "BadLine",
    "BadList",
    "Coverage",
    "Format",
    "ListVersion",
    "Order",
    "Prepared",
    "Registries",
    "RegistryBusy",
    "RegistryDamaged",
    "Source",
    "Swept",
    "country_of",
    "dropping",
    "importing",
]
