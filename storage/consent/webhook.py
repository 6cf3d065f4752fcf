"""Send by a webhook: a program of the admin's own that mails, texts or writes letters.

    POST <url>
    Idempotency-Key: <message id>
    Heedline-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under secrets/consent-webhook.key>

A reply of 2xx is a delivery. Of anything else only 429, 5xx, a timeout and a lost connection are tried again.
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Literal

import aiohttp

from storage.consent.message import NotSent, Outgoing, checked_url

TIMEOUT_S = 10.0
TRIES = 3
PAUSE_S = 0.5
SIGNATURE = "Heedline-Signature"


@dataclass(frozen=True)
class WebhookSender:
    """Raises BadInput: the URL is neither HTTPS nor on this machine."""

    url: str
    key: bytes = field(repr=False)
    pause_s: float = PAUSE_S
    timeout_s: float = TIMEOUT_S
    transport: Literal["webhook"] = "webhook"

    def __post_init__(self) -> None:
        checked_url(self.url, "consent.webhook_url")

    async def send(self, outgoing: Outgoing) -> str:
        """SHA-256 (hex) of the body that was taken. Raises NotSent."""
        body = body_of(outgoing)
        said = ""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s)) as session:
            for turn in range(TRIES):
                if turn:
                    await asyncio.sleep(self.pause_s * 2**turn)
                said, again = await self._post(session, body, outgoing.id)
                if not said:
                    return hashlib.sha256(body).hexdigest()
                if not again:
                    break
        raise NotSent(f"webhook: {said}")

    async def _post(self, session: aiohttp.ClientSession, body: bytes, message_id: str) -> tuple[str, bool]:
        """What went wrong (empty: nothing) and whether to try again."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message_id,
            SIGNATURE: signature(self.key, int(time.time()), body),
        }
        try:
            # A redirect would hand the token to an address nobody has set.
            async with session.post(self.url, data=body, headers=headers, allow_redirects=False) as reply:
                if 200 <= reply.status < 300:
                    return "", False
                return f"answered {reply.status}", reply.status == 429 or reply.status >= 500
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__, True


def body_of(outgoing: Outgoing) -> bytes:
    wording = outgoing.wording
    return json.dumps(
        {
            "id": outgoing.id,
            "address": outgoing.address,
            "language": outgoing.language,
            "seller": outgoing.seller,
            "purpose": outgoing.purpose,
            "subject": outgoing.subject(),
            "body": outgoing.body(),
            "link": outgoing.link,
            "code": outgoing.code,
            "expires": outgoing.expires.isoformat(),
            "text_version": None if wording is None else wording.version,
        },
        ensure_ascii=False,
        sort_keys=True,
    ).encode()


def signature(key: bytes, at: int, body: bytes) -> str:
    """What the receiver computes too; it refuses a `t` far from its own clock."""
    value = hmac.digest(key, f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={value.hex()}"
