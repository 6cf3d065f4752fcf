"""ARI events as Asterisk 22.10.1 writes them (captured on a Local channel, ids shortened)."""

import json

AT = "2026-11-21T20:05:28.033+0000"
CHANNEL: dict[str, object] = {
    "id": "01J-callee",
    "name": "Local/answer@far-00000004;1",
    "state": "Up",
    "protocol_id": "",
    "caller": {"name": "", "number": "+15555550123"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {"context": "far", "exten": "answer", "priority": 1, "app_name": "Stasis", "app_data": "h,a"},
    "creationtime": AT,
    "language": "en",
}
BRIDGE: dict[str, object] = {
    "id": "01J-bridge",
    "technology": "simple_bridge",
    "bridge_type": "mixing",
    "bridge_class": "stasis",
    "creator": "Stasis",
    "name": "",
    "channels": ["01J-callee"],
    "creationtime": AT,
    "video_mode": "talker",
}
PLAYBACK: dict[str, object] = {
    "id": "01J-play-1",
    "media_uri": "sound:hello",
    "target_uri": "channel:01J-callee",
    "language": "en",
    "state": "playing",
}
RECORDING: dict[str, object] = {"name": "r", "format": "wav", "target_uri": "channel:x", "state": "recording"}

FIELDS: dict[str, dict[str, object]] = {
    "StasisStart": {"args": ["h", "a"], "channel": CHANNEL},
    "StasisEnd": {"channel": CHANNEL},
    "ChannelDestroyed": {"channel": CHANNEL, "cause": 16, "cause_txt": "Normal Clearing", "tech_cause": 200},
    "ChannelHangupRequest": {"channel": CHANNEL, "cause": 16},
    "ChannelStateChange": {"channel": CHANNEL},
    "ChannelDtmfReceived": {"channel": CHANNEL, "digit": "9", "duration_ms": 120},
    "ChannelEnteredBridge": {"channel": CHANNEL, "bridge": BRIDGE},
    "ChannelLeftBridge": {"channel": CHANNEL, "bridge": BRIDGE},
    "ChannelTalkingStarted": {"channel": CHANNEL},
    "ChannelTalkingFinished": {"channel": CHANNEL, "duration": 900},
    "BridgeDestroyed": {"bridge": BRIDGE},
    "PlaybackStarted": {"playback": PLAYBACK},
    "PlaybackFinished": {"playback": PLAYBACK},
    "RecordingStarted": {"recording": RECORDING},
    "RecordingFinished": {"recording": RECORDING},
    "RecordingFailed": {"recording": {**RECORDING, "cause": "disk"}},
    "Dial": {"peer": CHANNEL, "dialstatus": "RINGING", "dialstring": "x@far", "forward": ""},
    "ApplicationReplaced": {},
}


def sample(kind: str, **changes: object) -> bytes:
    """One event as bytes; ``changes`` replace or add fields."""
    fields = {"type": kind, "timestamp": AT, **FIELDS.get(kind, {}), "asterisk_id": "02", "application": "heedline"}
    return json.dumps({**fields, **changes}).encode()
