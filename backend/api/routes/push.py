"""The browsers that your tips are sent to, and when you want quiet."""

from fastapi import Response

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.streams import PushOut, QuietIn, SubscriptionIn, SubscriptionOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import push
from backend.services.push import PushView, SubscriptionView

router = routes("/api/push", "push")


@router.get("/", response_model=PushOut, **does(Action.PUSH_READ))
async def read_push(actor: Caller) -> PushView:
    """The key to subscribe for, your browsers and your quiet hours."""
    async with reading() as tx:
        return await push.read_push(tx, actor)


@router.post("/", status_code=201, response_model=SubscriptionOut, **does(Action.PUSH_SUBSCRIBE))
async def subscribe(actor: Caller, said: SubscriptionIn) -> SubscriptionView:
    """Have tips sent to a browser. Again is the same as once."""
    async with transaction() as tx:
        return await push.subscribe(tx, actor, said.endpoint, said.p256dh, said.auth)


@router.delete("/{subscription_id}/", status_code=204, **does(Action.PUSH_UNSUBSCRIBE))
async def unsubscribe(actor: Caller, subscription_id: int) -> Response:
    """Send nothing to that browser any more."""
    async with transaction() as tx:
        await push.unsubscribe(tx, actor, subscription_id)
    return Response(status_code=204)


@router.put("/quiet_hours/", status_code=204, **does(Action.PUSH_SET_QUIET))
async def set_quiet(actor: Caller, said: QuietIn) -> Response:
    """Choose when you are not to be disturbed."""
    async with transaction() as tx:
        await push.set_quiet(tx, actor, said.hours, said.zone)
    return Response(status_code=204)
