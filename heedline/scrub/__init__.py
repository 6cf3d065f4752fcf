"""A calling list split before anybody dials it: who may be called, who may not and why, and what can't be read."""

from heedline.scrub.screen import CampaignScreen, NumberScreen, Screen
from heedline.scrub.split import Scrub, Summary

__all__ = ["CampaignScreen", "NumberScreen", "Screen", "Scrub", "Summary"]
