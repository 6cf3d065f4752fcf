"""AMI client: MixMonitor start, mute and stop; registrations; FullyBooted."""

from ari_app.ami.client import AmiClient, Registration
from ari_app.ami.errors import AmiDown, AmiError, AmiRefused, AmiTimeout, UnsafeValue

__all__ = ["AmiClient", "AmiDown", "AmiError", "AmiRefused", "AmiTimeout", "Registration", "UnsafeValue"]
