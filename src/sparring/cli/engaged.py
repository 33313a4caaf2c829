"""What a command says before it sends anything under an engagement."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparring.models import Model

__all__ = ["tell_engagement"]


def tell_engagement(model: Model) -> None:
    """Say who allowed queries to a model behind an address, until when, and how many are left."""
    from sparring.models.remote.target import remote_behind

    remote = remote_behind(model)
    if remote is None or remote.permit.engagement is None or remote.permit.purse is None:
        return
    terms, purse = remote.permit.engagement, remote.permit.purse
    sys.stderr.write(
        f"engagement: {terms.authoriser.name} ({terms.authoriser.contact}) allows {purse.total:,} queries of "
        f"{remote.permit.address}, {purse.spent:,} of them sent; {terms.window}\n"
    )
