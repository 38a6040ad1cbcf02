"""File templates: sets of files to begin a project with, and putting them into a container."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from backend.api import etags
from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.templates import (
    ApplyIn,
    PreviewIn,
    PreviewOut,
    TemplateChange,
    TemplateFull,
    TemplateIn,
    TemplateOut,
)
from backend.db import reading, transaction
from backend.rules.policy import Action, Actor
from backend.services import applying, templates
from backend.services.applying import Order
from backend.services.templates import TemplateDetail

router = routes("/api/templates", "templates")


@router.get("/", response_model=Page[TemplateOut], **does(Action.TEMPLATE_LIST))
async def list_templates(
    actor: Caller, paging: Paged, search: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """What you may use: everybody's published ones and your own, by name."""
    async with reading() as tx:
        return paging.cut(await templates.list_templates(tx, actor, search=search))


@router.post("/", status_code=201, response_model=TemplateFull, **does(Action.TEMPLATE_CREATE))
async def create_template(actor: Caller, said: TemplateIn, response: Response) -> TemplateFull:
    """Make a template of your own; or, for administrators, one for everybody."""
    async with transaction() as tx:
        slug = await templates.create_template(tx, actor, **said.given())
        await tx.flush()
        return _full(response, await templates.get_template(tx, actor, slug))


@router.get("/{slug}/", response_model=TemplateFull, **does(Action.TEMPLATE_READ))
async def get_template(actor: Caller, slug: str, response: Response) -> TemplateFull:
    """One template with its files. Its ETag is its version."""
    async with reading() as tx:
        return _full(response, await templates.get_template(tx, actor, slug))


@router.patch("/{slug}/", response_model=TemplateFull, **does(Action.TEMPLATE_UPDATE))
async def update_template(
    request: Request, actor: Caller, slug: str, said: TemplateChange, response: Response
) -> TemplateFull:
    """Change a template; what is not named stays, `files` are all of its files from then on.

    With `If-Match` and the ETag that it was read with, a change that somebody else made meanwhile is not overwritten.
    """
    async with transaction() as tx:
        known = await templates.get_template(tx, actor, slug)
        seen = etags.version_of(request)
        version = known.view.version if seen is None else seen
        changed = await templates.update_template(tx, actor, known.view.id, version=version, **said.given())
        return _full(response, changed)


@router.delete("/{slug}/", status_code=204, **does(Action.TEMPLATE_DELETE))
async def delete_template(actor: Caller, slug: str) -> Response:
    """Delete a template. What was made from it stays as it is."""
    async with transaction() as tx:
        known = await templates.get_template(tx, actor, slug)
        await templates.delete_template(tx, actor, known.view.id)
    return Response(status_code=204)


@router.post("/{slug}/preview/", response_model=PreviewOut, **does(Action.TEMPLATE_PREVIEW))
async def preview_template(actor: Caller, slug: str, said: PreviewIn) -> PreviewOut:
    """See what putting it into a container would do there; changes nothing."""
    order = await _order(actor, slug, said)
    return PreviewOut.of(await applying.preview(actor, order))


@router.post("/{slug}/apply/", response_model=PreviewOut, **does(Action.TEMPLATE_APPLY))
async def apply_template(actor: Caller, slug: str, said: ApplyIn) -> PreviewOut:
    """Put its files into a container, all or none. With the `token` of a preview: exactly what that showed."""
    order = await _order(actor, slug, said)
    return PreviewOut.of(await applying.apply(actor, order, token=said.token))


async def _order(actor: Actor, slug: str, said: PreviewIn) -> Order:
    async with reading() as tx:
        known = await templates.get_template(tx, actor, slug)
    return Order(known.view.id, said.container_id, said.destination, said.mode)


def _full(response: Response, found: TemplateDetail) -> TemplateFull:
    response.headers["ETag"] = etags.of_version(found.view.version)
    return TemplateFull.of(found)
