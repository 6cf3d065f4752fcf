"""Consents: given, confirmed by double opt-in, withdrawn, used and proved. The acts lie in `storage.ledger.consents`.

Its parts are imported by name: `terms` and `wording` say what is written, `write` and `opt_in` write it, `outbox`
sends, `proof` proves.
"""
