"""The PBX: which Asterisk, its configuration, its life."""

from heedline.pbx.asterisk import Asterisk, find_asterisk, private_root
from heedline.pbx.errors import AsteriskMissing, BuildFailed, PbxError, PbxUnhealthy, PortTaken, SpoolNotRam
from heedline.pbx.instance import Instance, Status
from heedline.pbx.render import AMI_USER, ARI_USER, STASIS_APP, phone_secret
from heedline.pbx.spool import spool_folder

__all__ = [
    "AMI_USER",
    "ARI_USER",
    "STASIS_APP",
    "Asterisk",
    "AsteriskMissing",
    "BuildFailed",
    "Instance",
    "PbxError",
    "PbxUnhealthy",
    "PortTaken",
    "SpoolNotRam",
    "Status",
    "find_asterisk",
    "phone_secret",
    "private_root",
    "spool_folder",
]
