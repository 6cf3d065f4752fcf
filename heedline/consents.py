"""The keys of consents and how confirmations are sent, composed from a home."""

from heedline.home import Home
from heedline.secrets import read_password, read_secret
from heedline.settings import Settings
from storage.consent.message import checked_url
from storage.consent.outbox import Sender
from storage.consent.signed import ProofSigner
from storage.consent.smtp import SmtpSender
from storage.consent.tokens import OptInKeys
from storage.consent.webhook import WebhookSender

KEYS = ("consent.key", "consent-webhook.key")
_SMTP_PASSWORD = "smtp.password"  # noqa: S105 (the name of a file)


def opt_in_keys(home: Home) -> OptInKeys:
    """Raises SecretMissing, SecretExposed."""
    return OptInKeys(read_secret(home, KEYS[0]))


def proof_signer(home: Home, settings: Settings) -> ProofSigner:
    """This node's signature under proofs of consent. Raises SecretMissing, SecretExposed."""
    return ProofSigner(settings.tenant, read_secret(home, "node.key"))


def consent_sender(home: Home, settings: Settings) -> Sender | None:
    """What the settings send confirmations by; None: nothing. Raises BadInput, SecretMissing, SecretExposed."""
    chosen = settings.consent
    if chosen.confirm_url:
        checked_url(chosen.confirm_url.replace("{token}", "x"), "consent.confirm_url")
    if chosen.transport == "smtp":
        password = read_password(home, _SMTP_PASSWORD) if chosen.smtp_user else ""
        return SmtpSender(
            chosen.smtp_host, chosen.smtp_port, chosen.smtp_sender, chosen.smtp_tls, chosen.smtp_user, password
        )
    if chosen.transport == "webhook":
        return WebhookSender(chosen.webhook_url, read_secret(home, KEYS[1]))
    return None
