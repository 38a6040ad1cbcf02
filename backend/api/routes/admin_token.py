"""The door for automated tools: a token instead of a person's password."""

from fastapi import Request, Response
from pydantic import BaseModel, Field

from backend.api import forms
from backend.api.limits import count_stranger
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import transaction
from backend.errors import NotFound
from backend.services import admin_token

router = routes("/api/auth", "user")


class Shown(BaseModel):
    """What a tool sends."""

    token: str = Field(max_length=1000)


@router.post("/token", status_code=204, **does(None))
async def sign_in_with_token(request: Request, shown: Shown) -> Response:
    """Begin a session of the first administrator for 24 hours, in the cookie `sid`."""
    count_stranger(request)
    if not admin_token.is_offered():
        raise NotFound("That page")
    if "origin" in request.headers:
        forms.refuse_other_sites(request)
    async with transaction() as tx:
        sid, expires_at = await admin_token.sign_in_with_token(tx, forms.visitor(request), shown.token)
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    forms.set_session(response, sid, expires_at)
    return response
