"""Whether this process serves: for load balancers and the set-up."""

from fastapi import APIRouter
from sqlalchemy import text

from backend.db import reading

router = APIRouter()


@router.get("/api/health")
async def health() -> dict[str, str]:
    """Answers when the process is up and the database can be read."""
    async with reading() as tx:
        await (await tx.connection()).execute(text("SELECT 1"))
    return {"status": "ok"}
