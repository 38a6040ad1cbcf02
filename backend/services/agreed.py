"""What a person has agreed to now, of rules/consents.py. Giving and withdrawing is backend/tips/consents.py's."""

from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import ConsentEntry
from backend.rules.consents import Scope

_KNOWN = {scope.value for scope in Scope}


async def agreed_to(tx: Tx, user_id: int) -> frozenset[Scope]:
    """The scopes whose newest entry is a yes."""
    newest = select(func.max(ConsentEntry.id)).where(ConsentEntry.user_id == user_id).group_by(col(ConsentEntry.scope))
    query = select(ConsentEntry.scope).where(col(ConsentEntry.id).in_(newest), col(ConsentEntry.given))
    return frozenset(Scope(each) for each in (await tx.exec(query)).all() if each in _KNOWN)
