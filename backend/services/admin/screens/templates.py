"""File templates: sets of files for containers."""

from sqlalchemy.orm import outerjoin
from sqlmodel import col, func, select

from backend.models import FileTemplate, FileTemplateItem, User
from backend.services.admin.screen import Column, Screen, Show, numbered, yes_or_no

_ITEMS = select(func.count()).where(FileTemplateItem.template_id == FileTemplate.id).scalar_subquery()

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
)
