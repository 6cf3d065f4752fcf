"""What is sent to a person who is asked to confirm: who asks for what, in the exact words, and how to say yes."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from compliance.errors import BadInput, HeedlineError
from storage.consent.wording import Wording

TOKEN_PLACE = "{token}"  # noqa: S105 (no secret: where the token goes)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# RFC 5321's dot-atom and a host name, ASCII only: nothing in it can end a header or name a second recipient.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+",
    re.ASCII,
)
_LONGEST_ADDRESS = 254

TEXTS = {
    "en": (
        "Please confirm: calls from {seller}",
        "Somebody gave this address to {seller} and agreed to the text below.\n"
        "If that was you and you still agree, confirm it{how}. Until then you will not be called because of it.\n"
        "If it was not you, do nothing: it lapses on {until} (UTC).",
        (" by this link:\n\n{link}\n\nor", "by telling this code: {code}", "The text"),
    ),
    "de": (
        "Bitte bestätigen: Anrufe von {seller}",
        "Jemand hat {seller} diese Adresse genannt und dem Text unten zugestimmt.\n"
        "Waren Sie das und stimmen Sie weiterhin zu, so bestätigen Sie es{how}. Vorher werden Sie deswegen nicht"
        " angerufen.\nWaren Sie es nicht, so tun Sie nichts: Die Anfrage verfällt am {until} (UTC).",
        (" über diesen Link:\n\n{link}\n\noder", "mit diesem Code: {code}", "Der Text"),
    ),
    "es": (
        "Por favor, confirme: llamadas de {seller}",
        "Alguien dio esta dirección a {seller} y aceptó el texto de abajo.\n"
        "Si fue usted y sigue de acuerdo, confírmelo{how}. Hasta entonces no se le llamará por ello.\n"
        "Si no fue usted, no haga nada: caduca el {until} (UTC).",
        (" con este enlace:\n\n{link}\n\no", "con este código: {code}", "El texto"),
    ),
    "fr": (
        "Merci de confirmer : appels de {seller}",
        "Quelqu'un a donné cette adresse à {seller} et a accepté le texte ci-dessous.\n"
        "Si c'était vous et que vous êtes toujours d'accord, confirmez-le{how}. D'ici là, vous ne serez pas appelé à"
        " ce titre.\nSi ce n'était pas vous, ne faites rien : la demande expire le {until} (UTC).",
        (" par ce lien :\n\n{link}\n\nou", "par ce code : {code}", "Le texte"),
    ),
}


class NotSent(HeedlineError):
    """The message did not get out; it stays in the outbox. The text names no address and no secret."""


@dataclass(frozen=True, repr=False)
class Outgoing:
    """A message ready to be sent. `id` is the same whenever it is sent again; `link` is empty without a link page."""

    id: str
    consent_id: str
    address: str
    seller: str
    purpose: str
    wording: Wording | None
    link: str
    code: str
    made: datetime
    expires: datetime

    @property
    def language(self) -> str:
        spoken = "en" if self.wording is None else self.wording.language.partition("-")[0].lower()
        return spoken if spoken in TEXTS else "en"

    def subject(self) -> str:
        return TEXTS[self.language][0].format(seller=self.seller)

    def body(self) -> str:
        """Plain text. The person's own words come last, so that nothing in them reads as ours."""
        _, text, (by_link, by_code, words) = TEXTS[self.language]
        how = f"{by_link.format(link=self.link) if self.link else ''} {by_code.format(code=self.code)}"
        said = text.format(seller=self.seller, how=how, until=f"{self.expires:%Y-%m-%d %H:%M}")
        if self.wording is None:
            return f"{said}\n"
        return f"{said}\n\n--- {words} ({self.wording.version}) ---\n\n{self.wording.text}\n"


def checked_address(text: str) -> str:
    """An e-mail address as it may stand in a header. Raises BadInput, without repeating it."""
    if len(text) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(text) or len(text.partition("@")[0]) > 64:
        raise BadInput("e-mail address: expected NAME@HOST in ASCII, at most 254 characters")
    return text


def checked_url(text: str, what: str) -> str:
    """A URL that may carry a token. Raises BadInput: neither HTTPS nor on this machine, or with a password in it."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise BadInput(f"{what}: not a URL") from None
    if parts.scheme not in ("https", "http") or not host or parts.username is not None or not text.isprintable():
        raise BadInput(f"{what}: expected https://HOST/… without a user name")
    if parts.scheme == "http" and not on_loopback(host):
        raise BadInput(f"{what}: takes https; plain http only on this machine (127.0.0.1)")
    return text


def on_loopback(host: str) -> bool:
    return host in _LOOPBACK
