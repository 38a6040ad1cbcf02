"""What one may run and keep."""

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.administration import GrantedOut, QuotaChange, QuotaOut
from backend.api.schemas.people import CreditsOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import quotas
from backend.services.views import CreditsView, QuotaView

router = routes("/api/quota", "quota")


@router.get("/", response_model=CreditsOut, **does(Action.QUOTA_READ))
async def get_my_quota(actor: Caller) -> CreditsView:
    """Your credits: used by what runs, and the limit."""
    async with reading() as tx:
        return await quotas.my_credits(tx, actor)


@router.get("/{username}/", response_model=QuotaOut, **does(Action.QUOTA_LOOK))
async def get_quota(actor: Caller, username: str) -> QuotaView:
    """Somebody's quota, and for each type why it can't be created now. For administrators."""
    async with reading() as tx:
        return await quotas.look_up(tx, actor, username)


@router.patch("/{username}/", response_model=QuotaOut, **does(Action.QUOTA_UPDATE))
async def update_quota(actor: Caller, username: str, said: QuotaChange) -> QuotaView:
    """Change somebody's quota; what is not named stays. Made inactive, it stops all they run. For administrators."""
    async with transaction() as tx:
        found = await quotas.look_up(tx, actor, username)
        await quotas.update_quota(tx, actor, found.id, **said.model_dump())
        await tx.flush()
        return await quotas.look_up(tx, actor, username)


@router.post("/grant/", **does(Action.QUOTA_GRANT))
async def grant_types_to_everybody(actor: Caller) -> GrantedOut:
    """Let every quota choose every type that is not private. Nothing is taken away. For administrators."""
    async with transaction() as tx:
        return GrantedOut(granted=await quotas.grant_public_types(tx, actor))


@router.post("/{username}/grant/", **does(Action.QUOTA_GRANT))
async def grant_types(actor: Caller, username: str) -> GrantedOut:
    """Let somebody's quota choose every type that is not private. Nothing is taken away. For administrators."""
    async with transaction() as tx:
        found = await quotas.look_up(tx, actor, username)
        return GrantedOut(granted=await quotas.grant_public_types(tx, actor, [found.id]))
