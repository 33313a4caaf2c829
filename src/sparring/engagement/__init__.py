"""Engagements: who allowed what to be attacked, when and how often; read strictly, and kept at every request."""

from sparring.engagement.address import Address, is_address, is_loopback, parse_address, resolved
from sparring.engagement.permit import Permit, permit_for
from sparring.engagement.terms import Engagement, load_engagement

__all__ = [
    "Address",
    "Engagement",
    "Permit",
    "is_address",
    "is_loopback",
    "load_engagement",
    "parse_address",
    "permit_for",
    "resolved",
]
