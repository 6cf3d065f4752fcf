"""A proof for people: the same document as pages, with the signed JSON embedded."""

import hashlib
import re
from typing import Any, cast

from storage.canonical import canonical
from storage.consent.sheet import Sheet
from storage.consent.signed import BadProof
from storage.consent.typeface import FOLDERS, Typeface

_MOST_SHOWN = 200
_EMBEDDED = re.compile(rb"/Length (\d{1,10}) [^>]{0,200}/Type /EmbeddedFile\s*>>\s*stream\r?\n")
_DID = {
    "grant": "Consent given",
    "confirm": "Consent confirmed",
    "withdraw": "Consent withdrawn",
    "refuse": "Consent refused",
}


def rendered(signed: dict[str, object], content: bytes, key: str, folders: tuple[str, ...] = FOLDERS) -> bytes:
    """The PDF of a signed proof. `content`: its JSON file; `key`: the verifier key that checks it."""
    proof = cast(dict[str, Any], signed["proof"])
    digest = hashlib.sha256(content).hexdigest()
    sheet = Sheet(
        f"Proof of consent, {proof['made_at']}",
        f"Proof of consent · made {proof['made_at']} · SHA-256 of the JSON {digest}",
        Typeface(folders),
    )
    sheet.heading("Proof of consent", 20)
    sheet.pair("telephone number", proof["number"])
    sheet.pair("made", f"{_when(proof['made_at'])} by {proof['made_by']}, tenant {proof['tenant']}")
    sheet.gap()
    sheet.paragraph(
        "These pages show what the embedded file proof.json says. That file is what is signed: by the key below, with"
        " the place of every act in an audit log whose root the same key has signed. Times are UTC."
    )
    _standing(sheet, proof)
    _acts(sheet, proof)
    _uses(sheet, proof)
    _messages(sheet, proof)
    _check(sheet, signed, proof, digest, key)
    sheet.attach("proof.json", content)
    return sheet.finished()


def attached(content: bytes) -> bytes:
    """The JSON embedded in a PDF that `rendered` made. Raises BadProof: there is none, or the PDF was rewritten."""
    found = _EMBEDDED.search(content)
    if found is None:
        raise BadProof("the PDF holds no proof as it was written; check the JSON file instead")
    return content[found.end() : found.end() + int(found[1])]


def _standing(sheet: Sheet, proof: dict[str, Any]) -> None:
    sheet.heading("What stood when this was made")
    for one in proof["held"]:
        state = "stands" if one["stands"] else "does not stand"
        sheet.pair(
            state, f"{_kind(one['kind'])} consent, {_kind(one['purpose'])}, to {one['seller'] or 'whoever calls'}"
        )
        for name in ("obtained_at", "confirmed_at", "withdrawn_at", "expires_at"):
            sheet.pair("", "") if one[name] is None else sheet.pair(f"   {name[:-3]}", _when(one[name]))
        sheet.gap(3)
    if not proof["held"]:
        sheet.paragraph("No consent to be called was ever given.")


def _acts(sheet: Sheet, proof: dict[str, Any]) -> None:
    texts = {text["hash"]: text for text in proof["texts"]}
    logged: dict[str, int] = {}
    for entry in proof["audit"]["entries"]:
        for act in proof["acts"]:
            if act["id"] in entry["data"]:
                logged.setdefault(act["id"], entry["seq"])
    sheet.heading("What happened")
    for number, act in enumerate(proof["acts"], 1):
        sheet.keep(72)
        did = "Consent asked for, to be confirmed" if act["pending"] else _DID[act["act"]]
        recording = " (to be recorded)" if act["kind"] == "recording" else ""
        sheet.paragraph(f"{number}. {did}{recording}: {_when(act['at'])}", 11)
        sheet.pair("kind", _kind(act["kind"]))
        sheet.pair("purpose", _kind(act["purpose"]))
        sheet.pair("seller", act["seller"] or ("all" if act["act"] == "withdraw" else None))
        sheet.pair("channel", act["channel"])
        sheet.pair("jurisdiction", act["jurisdiction"])
        sheet.pair("collected by", act["collected_by"])
        sheet.pair("written by", act["by"])
        sheet.pair("call", act["attempt"])
        sheet.pair("valid until", act["valid_until"] and _when(act["valid_until"]))
        sheet.pair("law's deadline", act["honoured_by"] and f"{_when(act['honoured_by'])} (it held at once)")
        sheet.pair("confirms", act["refers_to"])
        for name, value in sorted(act["evidence"].items()):
            sheet.pair(f"evidence: {name}", value if isinstance(value, str) else canonical(value))
        sheet.pair("id", f"{act['id']}, audit entry {logged.get(act['id'], 'none')}")
        if act["text"] is not None:
            text = texts[act["text"]]
            sheet.words(f"the words, language {text['language']}, version {text['version']}", text["text"])
        sheet.gap()


def _uses(sheet: Sheet, proof: dict[str, Any]) -> None:
    uses = proof["uses"]
    if not uses:
        return
    sheet.heading("Calls that rested on it")
    for use in uses[-_MOST_SHOWN:]:
        sheet.pair(_when(use["at"]), f"call {use['attempt']}, consent {use['consent']}", 8.5)
    if len(uses) > _MOST_SHOWN:
        sheet.paragraph(f"{len(uses) - _MOST_SHOWN} earlier ones stand in the embedded file.")


def _messages(sheet: Sheet, proof: dict[str, Any]) -> None:
    if not proof["messages"]:
        return
    sheet.heading("Messages that asked for confirmation")
    for message in proof["messages"]:
        sheet.pair("sent to", message["address"] or "an address that has been erased")
        sheet.pair("by", message["transport"])
        sheet.pair("of consent", message["consent"])
        for delivery in message["deliveries"]:
            sheet.pair(_when(delivery["at"]), f"{delivery['outcome']}: {delivery['detail']}")
        sheet.gap(3)


def _check(sheet: Sheet, signed: dict[str, object], proof: dict[str, Any], digest: str, key: str) -> None:
    sheet.heading("How to check this")
    sheet.paragraph(
        "Ask the maker for their key by another way and compare it with this one. Then, on any machine:"
        " heedline consent verify FILE --key KEYFILE. FILE is this PDF or its JSON."
    )
    sheet.pair("key", key, 8)
    sheet.pair("JSON, SHA-256", digest, 8)
    sheet.pair("signature", signed["note"], 8)
    sheet.pair("audit log", proof["audit"]["checkpoint"], 8)


def _when(text: str) -> str:
    """`2026-11-21T15:30:00.123456Z` as people read it."""
    return text.replace("T", " ").replace("Z", "").partition(".")[0] + " UTC"


def _kind(text: str) -> str:
    return text.replace("_", " ")
