"""Whether this process serves, and what it counts: for load balancers, the set-up and Prometheus."""

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import text

from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading
from backend.errors import NotFound
from backend.rules.scraping import may_scrape
from backend.services import observing
from backend.settings import settings

router = routes("", "health")


class PartOut(BaseModel):
    """Something that has to work."""

    ok: bool
    says: str


class ReadyOut(BaseModel):
    """`status` is `ready` if every part is."""

    status: str
    parts: dict[str, PartOut]


@router.get("/health", **does(None))
async def alive() -> dict[str, str]:
    """Answers while the process is up, whatever else is not."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"model": ReadyOut, "description": "Some part is not"}}, **does(None))
async def ready() -> ReadyOut:
    """Says which part is not ready; 503 then. Parts: database, migrations, events, nodes, tasks."""
    parts = await observing.readiness()
    is_well = all(each.is_well for each in parts)
    told = {each.name: PartOut(ok=each.is_well, says=each.says) for each in parts}
    answer = ReadyOut(status="ready" if is_well else "not ready", parts=told)
    return answer if is_well else JSONResponse(answer.model_dump(), 503)  # type: ignore[return-value]


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus, for who may have them (docs/deploy.md). The others see nothing here."""
    ours = settings()
    behind_proxy = ours.https or ours.trusted_proxy_hops > 0
    peer = request.client.host if request.client else ""
    token = ours.metrics_token.get_secret_value()
    if not may_scrape(token, headers=request.headers, peer=peer, behind_proxy=behind_proxy):
        raise NotFound("That page")
    return Response(await observing.figures(), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/health", **does(None))
async def health() -> dict[str, str]:
    """Answers when the process is up and the database can be read."""
    async with reading() as tx:
        await (await tx.connection()).execute(text("SELECT 1"))
    return {"status": "ok"}
