"""File templates: sets of files for containers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import outerjoin
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Invalid
from backend.models import FileTemplate, FileTemplateItem, User
from backend.rules.forms import Field, Kind, When
from backend.rules.policy import Actor
from backend.rules.templates import MAX_DESCRIPTION, MAX_FILE_BYTES, MAX_NAME, MAX_PATH, MAX_SLUG, File
from backend.services import templates
from backend.services.admin.screen import Column, Screen, Show, deletion, numbered, yes_or_no

_ITEMS = select(func.count()).where(FileTemplateItem.template_id == FileTemplate.id).scalar_subquery()


async def _values(tx: Tx, key: str) -> dict[str, Any]:
    row = await tx.get_one(FileTemplate, int(key))
    query = select(FileTemplateItem).where(FileTemplateItem.template_id == row.id)
    items = (await tx.exec(query.order_by(col(FileTemplateItem.order), col(FileTemplateItem.path)))).all()
    files = [
        {"path": each.path, "mode": f"{each.mode:o}", "order": each.order, "content": each.content} for each in items
    ]
    return {
        "name": row.name, "slug": row.slug, "description": row.description, "public": row.public, "files": files
    }  # fmt: skip


async def _add(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> int:
    """What is made here has no owner: it is everybody's."""
    given: dict[str, Any] = {**values, "files": _files(values)}
    slug = await templates.create_template(tx, actor, for_everybody=True, **given)
    return (await tx.exec(select(FileTemplate.id).where(FileTemplate.slug == slug))).one()


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    version = (await tx.get_one(FileTemplate, int(key))).version
    given: dict[str, Any] = {**values, "files": _files(values)}
    await templates.update_template(tx, actor, int(key), version=version, **given)


def _files(values: Mapping[str, Any]) -> list[File]:
    return [File(each["path"], each["content"], _mode(each["mode"]), each["order"] or 0) for each in values["files"]]


def _mode(said: str) -> int:
    try:
        return int(said or "644", 8)
    except ValueError:
        raise Invalid(f"“{said}” is no mode: three digits such as 644 or 755.", field="files") from None


SCREEN = Screen(
    path="vm_manager/filetemplate",
    title="File templates",
    one="template",
    icon="files",
    help="Sets of files that can be put into a container. One without an owner is everybody's.",
    source=outerjoin(FileTemplate, User),
    key=col(FileTemplate.id),
    name=col(FileTemplate.name),
    target_type="template",
    columns=(
        Column("name", "Name", col(FileTemplate.name)),
        Column("slug", "Slug", col(FileTemplate.slug), Show.CODE),
        Column("items_count", "Files", _ITEMS, Show.NUMBER),
        Column("public", "Public", col(FileTemplate.public), Show.SWITCH),
        Column("owner", "Owner", col(User.username), has_empties=True),
        Column("created_at", "Made", col(FileTemplate.created_at), Show.AT),
    ),
    search=(col(FileTemplate.name), col(FileTemplate.slug), col(FileTemplate.description)),
    filters=(
        yes_or_no("public", "Public", col(FileTemplate.public)),
        numbered("user", "Owner number", col(FileTemplate.owner_id)),
    ),
    ordering="name",
    model=FileTemplate,
    fields=(
        Field(name="name", label="Name", required=True, longest=MAX_NAME),
        Field(name="slug", label="Slug", longest=MAX_SLUG, help="Empty: made of the name.", when=When.ADDING),
        Field(name="slug", label="Slug", longest=MAX_SLUG, required=True, when=When.CHANGING),
        Field(name="description", label="About", longest=MAX_DESCRIPTION),
        Field(name="public", label="Public", kind=Kind.SWITCH, help="Shown to everybody."),
        Field(
            name="files",
            label="Files",
            kind=Kind.ITEMS,
            items=(
                Field(name="path", label="Path", required=True, longest=MAX_PATH),
                Field(name="mode", label="Mode", longest=4),
                Field(name="order", label="Order", kind=Kind.NUMBER, minimum=0),
                Field(name="content", label="Content", kind=Kind.LONG, longest=MAX_FILE_BYTES),
            ),
        ),
    ),
    values=_values,
    add=_add,
    save=_save,
    acts=(deletion(templates.delete_template, "What was made from it stays as it is."),),
)
