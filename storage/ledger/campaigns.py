"""Campaigns: on whose behalf, for what and how people are called. A change is a new version; none is lost."""

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, get_args

from sqlalchemy import bindparam, func, insert, select

from compliance.errors import BadInput
from compliance.facts import MAX_RING_SECONDS, CallKind, Party, Purpose
from compliance.number import parse_number
from storage.audit import AuditTag
from storage.errors import AlreadyThere, NoSuchCampaign
from storage.instant import from_us, to_us
from storage.schema import campaigns
from storage.unit import Transaction

Placement = Literal["before_agent", "in_bridge"]
RecordingWish = Literal["follow_law", "notice", "explicit", "none"]
OnRefusal = Literal["continue", "end"]
CallKindName = Literal["live", "autodialed_live", "prerecorded", "ai_voice"]
PartyName = Literal["consumer", "business"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
LONGEST_SELLER = 128
LONGEST_TOPIC = 64


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One version of a campaign.

    `placement`: where prompts sit. `recording`: the campaign's wish, which can only make the law's mode
    stricter. `recording_required`: no recording, no call. `on_refusal`: what follows when the callee does not
    consent. `caller_id` is E.164, `ring_seconds` 15 to 60 (47 CFR 64.1200(a)(6)).
    `call_kind`: how its calls are placed. `party`: whom it calls, where nothing is on file of the person. `topic`:
    what the calls are about; opt-outs may be limited to one. `double_opt_in`: consent counts only once it has been
    confirmed. `start`: nobody is called before it.

    Raises BadInput: a field outside what is said above.
    """

    name: str
    seller: str
    purpose: str
    caller_id: str
    language: str = "en"
    placement: Placement = "before_agent"
    recording: RecordingWish = "follow_law"
    recording_required: bool = False
    on_refusal: OnRefusal = "continue"
    ring_seconds: int = 25
    call_kind: CallKindName = "live"
    party: PartyName = "consumer"
    topic: str | None = None
    double_opt_in: bool = False
    start: datetime | None = None
    version: int = 1

    def __post_init__(self) -> None:
        closed = {
            "purpose": tuple(purpose.value for purpose in Purpose),
            "placement": get_args(Placement),
            "recording": get_args(RecordingWish),
            "on_refusal": get_args(OnRefusal),
            "call_kind": tuple(kind.value for kind in CallKind),
            "party": tuple(party.value for party in Party),
        }
        if not _NAME.fullmatch(self.name):
            raise BadInput("campaign name: a letter, then up to 30 of a-z 0-9 _ -")
        for field, allowed in closed.items():
            if getattr(self, field) not in allowed:
                raise BadInput(f"campaign {self.name}: {field} must be one of {', '.join(allowed)}")
        checked_seller(self.seller)
        if not _LANGUAGE.fullmatch(self.language):
            raise BadInput(f"campaign {self.name}: language must be a code such as en or es-MX")
        if not 15 <= self.ring_seconds <= MAX_RING_SECONDS:
            raise BadInput(f"campaign {self.name}: ring_seconds must be 15 to {MAX_RING_SECONDS}")
        if self.topic is not None:
            checked_topic(self.topic)
        if self.start is not None and self.start.tzinfo is None:
            raise BadInput(f"campaign {self.name}: start must say its time zone")
        if parse_number(self.caller_id).e164 != self.caller_id:
            raise BadInput(f"campaign {self.name}: caller_id must be E.164, + and digits only")


def checked_seller(text: str) -> str:
    """Raises BadInput."""
    if not 1 <= len(text) <= LONGEST_SELLER or not text.isprintable():
        raise BadInput(f"seller: 1 to {LONGEST_SELLER} printable characters")
    return text


def checked_topic(text: str) -> str:
    """Raises BadInput."""
    if not 1 <= len(text) <= LONGEST_TOPIC or not text.isprintable():
        raise BadInput(f"topic: 1 to {LONGEST_TOPIC} printable characters")
    return text


_FIELDS = tuple(field.name for field in fields(Campaign))
_COLUMNS = [campaigns.c["start_us" if name == "start" else name] for name in _FIELDS]
_NEWEST = select(*_COLUMNS).where(campaigns.c.name == bindparam("of")).order_by(campaigns.c.version.desc()).limit(1)


@lru_cache(256)
def _campaign(*values: Any) -> Campaign:
    """A row's campaign. The same values are the same campaign, checked once."""
    held = dict(zip(_FIELDS, values, strict=True))
    start = None if held["start"] is None else from_us(held["start"])
    return Campaign(**{**held, "start": start})


class Campaigns:
    """The campaigns of the ledger."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, campaign: Campaign, by: str = "system", at: datetime | None = None) -> Campaign:
        """Add a new campaign, as version 1, with its audit entry.

        Raises AlreadyThere: the name is taken.
        """
        if await self._latest(campaign.name):
            raise AlreadyThere(f"campaign {campaign.name}: exists; change it with `heedline campaign set`")
        return await self._write(replace(campaign, version=1), AuditTag.CAMPAIGN_ADDED, by, at)

    async def change(self, campaign: Campaign, by: str, at: datetime | None = None) -> Campaign:
        """Add the next version of a campaign; equal settings make no new version.

        Raises NoSuchCampaign.
        """
        current = await self.get(campaign.name)
        if replace(campaign, version=current.version) == current:
            return current
        following = replace(campaign, version=current.version + 1)
        return await self._write(following, AuditTag.CAMPAIGN_CHANGED, by, at)

    async def get(self, name: str, version: int | None = None) -> Campaign:
        """The campaign as it stands, or one version of it. Raises NoSuchCampaign."""
        query = _NEWEST if version is None else _NEWEST.where(campaigns.c.version == version)
        row = await self._tx.first(query, {"of": name})
        if row is None:
            which = "" if version is None else f" version {version}"
            raise NoSuchCampaign(f"campaign {name[:40]!r}{which}: there is none; see `heedline campaign list`")
        return _campaign(*row)

    async def list(self) -> tuple[Campaign, ...]:
        """The current version of every campaign, by name."""
        latest = select(campaigns.c.name, func.max(campaigns.c.version).label("version"))
        last = latest.group_by(campaigns.c.name).subquery()
        joined = (campaigns.c.name == last.c.name) & (campaigns.c.version == last.c.version)
        rows = await self._tx.all(
            select(*_COLUMNS).select_from(campaigns.join(last, joined)).order_by(campaigns.c.name)
        )
        return tuple(_campaign(*row) for row in rows)

    async def _latest(self, name: str) -> int:
        found = await self._tx.scalar(select(func.max(campaigns.c.version)).where(campaigns.c.name == name))
        return int(found or 0)

    async def _write(self, campaign: Campaign, tag: AuditTag, by: str, at: datetime | None) -> Campaign:
        moment = at or datetime.now(UTC)
        values = {name: getattr(campaign, name) for name in _FIELDS if name != "start"}
        start_us = None if campaign.start is None else to_us(campaign.start)
        await self._tx.run(insert(campaigns).values(**values, start_us=start_us, created_us=to_us(moment)))
        await self._tx.audit.append(tag, moment, {"campaign": campaign.name, "version": campaign.version, "by": by})
        return campaign
