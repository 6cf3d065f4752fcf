"""The law as data: one YAML file a jurisdiction, an area-code table, and the strict loader that reads them.

Not legal advice: every entry names its citation, its source and how well it was checked.
"""

from compliance.jurisdictions.loader import load_packs, parse_packs
from compliance.jurisdictions.model import CallingHours, Entry, Jurisdiction, Packs, RecordingLaw

__all__ = ["CallingHours", "Entry", "Jurisdiction", "Packs", "RecordingLaw", "load_packs", "parse_packs"]
