"""What can stand in the audit log: `source:subject:action`, a closed set."""

from enum import Enum


class AuditTag(Enum):
    """Who did it (the room or the office), to what, and what was done."""

    LEDGER_CREATED = "admin:ledger:create"
    LEDGER_UPGRADED = "admin:ledger:upgrade"

    CAMPAIGN_ADDED = "admin:campaign:add"
    CAMPAIGN_CHANGED = "admin:campaign:change"
    PARTY_SET = "admin:party:set"
    RELATIONSHIP_RECORDED = "admin:relationship:record"
    SWITCH_ON = "admin:switch:on"
    SWITCH_OFF = "admin:switch:off"
    PRINCIPAL_ADDED = "admin:principal:add"
    ROLE_GRANTED = "admin:role:grant"
    ROLE_REVOKED = "admin:role:revoke"
    REGISTRY_IMPORTED = "admin:registry:import"
    REGISTRY_DROPPED = "admin:registry:drop"
    RULES_LOOSENED = "admin:rules:loosen"

    DNC_ADDED = "ledger:dnc:add"
    DNC_REVOKED = "ledger:dnc:revoke"
    DNC_EXPORTED = "ledger:dnc:export"
    CONSENT_GRANTED = "ledger:consent:grant"
    CONSENT_REQUESTED = "ledger:consent:request"
    CONSENT_CONFIRMED = "ledger:consent:confirm"
    CONSENT_REFUSED = "ledger:consent:refuse"
    CONSENT_WITHDRAWN = "ledger:consent:withdraw"
    CONSENT_TRIED = "ledger:consent:try"
    CONSENT_SENT = "ledger:consent:send"
    CONSENT_PROVED = "ledger:consent:prove"
    ATTEMPTS_CANCELLED = "ledger:attempts:cancel"

    ATTEMPT_COMMITTED = "conductor:attempt:commit"
    ATTEMPT_DENIED = "conductor:attempt:deny"
    ATTEMPT_RECONCILED = "conductor:attempt:reconcile"
    CONSENT_WRITTEN = "conductor:consent:write"
    CONSENT_USED = "conductor:consent:use"
    CONDUCTOR_ALARM = "conductor:calls:alarm"

    RECORDING_OPENED = "recorder:recording:open"
    RECORDING_RESUMED = "recorder:recording:resume"
    RECORDING_PAUSED = "recorder:recording:pause"
    RECORDING_UNPAUSED = "recorder:recording:unpause"
    RECORDING_SEALED = "recorder:recording:seal"
    RECORDING_FAILED = "recorder:recording:fail"

    RECORDING_PLAYED = "custodian:recording:play"
    RECORDING_EXPORTED = "custodian:recording:export"
    ACCESS_DENIED = "custodian:access:deny"
    KEK_CREATED = "custodian:kek:create"
    KEK_DESTROYED = "custodian:kek:destroy"
    KEYS_REWRAPPED = "custodian:keys:rewrap"
