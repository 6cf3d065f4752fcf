"""The closed sets that facts and laws share."""

from enum import Enum


class CallKind(Enum):
    LIVE = "live"
    AUTODIALED_LIVE = "autodialed_live"
    PRERECORDED = "prerecorded"
    AI_VOICE = "ai_voice"


class Purpose(Enum):
    TELEMARKETING = "telemarketing"
    INFORMATIONAL = "informational"
    DEBT_COLLECTION = "debt_collection"
    SURVEY = "survey"
    CHARITY = "charity"
    POLITICAL = "political"


class Party(Enum):
    CONSUMER = "consumer"
    BUSINESS = "business"


class ConsentKind(Enum):
    """Kinds of consent, weakest first."""

    NONE = "none"
    IMPLIED = "implied"
    EXPRESS = "express"
    EXPRESS_WRITTEN = "express_written"


class RelationshipKind(Enum):
    PURCHASE = "purchase"
    INQUIRY = "inquiry"
