"""How old a do-not-call list may be, by the law that asks for it."""

from compliance.jurisdictions import Packs, load_packs
from compliance.jurisdictions.model import RegistryLaw


def age_limit(list_id: str, packs: Packs | None = None) -> int | None:
    """Days after which no law accepts the list any more: the shortest of all that ask for it; None: none does."""
    jurisdictions = (packs or load_packs()).jurisdictions.values()
    laws = (law for jurisdiction in jurisdictions for law in jurisdiction.of(RegistryLaw))
    return min((law.max_age_days for law in laws if law.list == list_id), default=None)
