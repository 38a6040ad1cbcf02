"""Use cases on file templates: sets of files to begin a project with. Putting them into containers: applying.py."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select, true

from backend.db import Tx
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.models import FileTemplate, FileTemplateItem, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import templates as rules
from backend.rules.policy import Action, Actor, Role
from backend.rules.templates import File
from backend.services.quotas import locked_quota

MAX_OWN = 50
"""Templates of one user."""
_MAX_LISTED = 500
_SUFFIX_BYTES = 3


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template as the actor sees it. `owner` is empty where it is everybody's; `can_edit` is the actor's right."""

    id: int
    slug: str
    name: str
    description: str
    public: bool
    owner_id: int | None
    owner: str
    items_count: int
    size: int
    """Of all contents, in characters."""
    version: int
    updated_at: datetime
    can_edit: bool


@dataclass(frozen=True, slots=True)
class TemplateDetail:
    """A template with its files, ordered by (order, path)."""

    view: TemplateView
    files: tuple[File, ...]


@operation(Action.TEMPLATE_LIST)
async def list_templates(tx: Tx, actor: Actor, *, search: str = "") -> list[TemplateView]:
    """What the actor may use: everybody's published ones and their own; an admin sees all. By name, 500 at most."""
    require(actor, Action.TEMPLATE_LIST)
    query = _with_figures().where(seen_by(actor))
    for word in search.split()[:8]:
        pattern = f"%{_literal(word[:64])}%"
        hits = [col(column).ilike(pattern, escape="\\") for column in (FileTemplate.name, FileTemplate.slug)]
        query = query.where(hits[0] | hits[1] | col(FileTemplate.description).ilike(pattern, escape="\\"))
    rows = await tx.exec(query.order_by(func.lower(FileTemplate.name), FileTemplate.slug).limit(_MAX_LISTED))
    return [_view(actor, *row) for row in rows.all()]


@operation(Action.TEMPLATE_READ)
async def get_template(tx: Tx, actor: Actor, slug: str) -> TemplateDetail:
    """One template with its files.

    Raises:
        NotFound: no such template, or not the actor's to see.
    """
    require(actor, Action.TEMPLATE_READ)
    row = (await tx.exec(_with_figures().where(FileTemplate.slug == slug[: rules.MAX_SLUG], seen_by(actor)))).first()
    if row is None:
        raise NotFound("That template")
    return TemplateDetail(_view(actor, *row), tuple(await files_of(tx, row[0].id)))


@operation(Action.TEMPLATE_CREATE)
async def create_template(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    slug: str = "",
    description: str = "",
    files: Sequence[File] = (),
    for_everybody: bool = False,
    public: bool = True,
) -> str:
    """Make a template; returns its slug, which is made of the name where none is given.

    Args:
        for_everybody: it has no owner; only admins may. Then `public` says whether it is shown to everybody yet.

    Raises:
        Invalid: a field or a file is out of its bounds.
        Conflict: the slug is taken, or the actor has too many templates.
        Forbidden: only admins make templates for everybody.
    """
    owner_id = None if for_everybody else actor.user_id
    require(actor, Action.TEMPLATE_CREATE, owner_id=owner_id, role=Role.VIEWER)
    clear_name = rules.one_line(name, field="name", limit=rules.MAX_NAME, required=True)
    checked = rules.check_files(files)
    if owner_id is not None:
        await _check_room(tx, owner_id)
    elif not for_everybody:
        raise Invalid("The system's templates are for everybody.")
    template = FileTemplate(
        slug=await _free_slug(tx, actor, slug, clear_name),
        name=clear_name,
        description=_description(description),
        public=for_everybody and public,
        owner_id=owner_id,
    )
    await _insert(tx, template)
    await _store(tx, template, checked)
    note("template", template.id, f"{template.slug}: {len(checked)} files")
    return template.slug


@operation(Action.TEMPLATE_UPDATE)
async def update_template(
    tx: Tx,
    actor: Actor,
    template_id: int,
    *,
    version: int,
    name: str | None = None,
    slug: str | None = None,
    description: str | None = None,
    public: bool | None = None,
    files: Sequence[File] | None = None,
) -> TemplateDetail:
    """Change a template; what is None stays. `files` are all of its files from then on.

    Args:
        version: of the template as the actor saw it.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to change.
        Conflict: somebody changed it meanwhile, or the slug is taken. Nothing is changed then.
        Invalid: a field or a file is out of its bounds.
    """
    template = await _to_change(Action.TEMPLATE_UPDATE, tx, actor, template_id)
    if template.version != version:
        raise Conflict("Somebody changed this template since you opened it. Open it again, then make your change.")
    if name is not None:
        template.name = rules.one_line(name, field="name", limit=rules.MAX_NAME, required=True)
    if slug is not None and rules.slug(slug) != template.slug:
        template.slug = await _free_slug(tx, actor, slug, template.name)
    if description is not None:
        template.description = _description(description)
    if public is not None:
        template.public = _may_publish(template, public)
    if files is not None:
        await _store(tx, template, rules.check_files(files))
    template.version, template.updated_at = template.version + 1, now()
    await _insert(tx, template)
    note("template", template.id, f"{template.slug}: version {template.version}")
    row = (await tx.exec(_with_figures().where(FileTemplate.id == template_id))).one()
    return TemplateDetail(_view(actor, *row), tuple(await files_of(tx, template_id)))


@operation(Action.TEMPLATE_DELETE)
async def delete_template(tx: Tx, actor: Actor, template_id: int) -> None:
    """Delete a template. What was made from it stays as it is.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to change.
    """
    template = await _to_change(Action.TEMPLATE_DELETE, tx, actor, template_id)
    note("template", template.id, template.slug)
    await tx.delete(template)


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """Which templates the actor may see, for a query on FileTemplate."""
    if actor.is_superuser:
        return true()
    for_all = col(FileTemplate.owner_id).is_(None) & col(FileTemplate.public)
    return for_all | (col(FileTemplate.owner_id) == actor.user_id)


async def files_of(tx: Tx, template_id: int) -> list[File]:
    """A template's files, by (order, path)."""
    items = select(FileTemplateItem).where(FileTemplateItem.template_id == template_id)
    rows = (await tx.exec(items.order_by(col(FileTemplateItem.order), col(FileTemplateItem.path)))).all()
    return [File(row.path, row.content, row.mode, row.order) for row in rows]


def _with_figures():  # a query's type would say less than the query
    size = func.sum(func.length(FileTemplateItem.content))  # in characters, which every database counts alike
    items = select(FileTemplateItem.template_id, func.count().label("files"), size.label("size"))
    figures = items.group_by(col(FileTemplateItem.template_id)).subquery()
    query = select(FileTemplate, User.username, func.coalesce(figures.c.files, 0), func.coalesce(figures.c.size, 0))
    return query.join(User, isouter=True).join(figures, figures.c.template_id == FileTemplate.id, isouter=True)


def _view(actor: Actor, template: FileTemplate, owner: str | None, count: int, size: int) -> TemplateView:
    return TemplateView(
        id=template.id,
        slug=template.slug,
        name=template.name,
        description=template.description,
        public=template.public,
        owner_id=template.owner_id,
        owner=owner or "",
        items_count=count,
        size=int(size),
        version=template.version,
        updated_at=template.updated_at,
        can_edit=actor.is_superuser or (template.owner_id is not None and template.owner_id == actor.user_id),
    )


async def _to_change(action: Action, tx: Tx, actor: Actor, template_id: int) -> FileTemplate:
    """The template, locked, if the actor may change it; one that may only be looked at is forbidden, not hidden."""
    note("template", template_id)
    template = await tx.get(FileTemplate, template_id, with_for_update=True)
    is_shown = template is not None and template.owner_id is None and template.public
    owner_id = template.owner_id if template else None
    require(actor, action, owner_id=owner_id, role=Role.VIEWER if is_shown else None, what="That template")
    if template is None:
        raise NotFound("That template")
    return template


async def _check_room(tx: Tx, user_id: int) -> None:
    await locked_quota(tx, user_id)  # one after another, or two at once would pass the bound
    query = select(func.count()).select_from(FileTemplate).where(FileTemplate.owner_id == user_id)
    if (await tx.exec(query)).one() >= MAX_OWN:
        raise Conflict(f"You have {MAX_OWN} templates, which is all you may keep. Delete one first.")


async def _free_slug(tx: Tx, actor: Actor, asked: str, name: str) -> str:
    """A slug that nobody has. One that is taken by what the actor can't see is lengthened, not refused."""
    wanted = rules.slug(asked) if asked.strip() else rules.slug_from(name)
    taken = (await tx.exec(select(FileTemplate.id).where(FileTemplate.slug == wanted))).first()
    if taken is None:
        return wanted
    shown = (await tx.exec(select(FileTemplate.id).where(FileTemplate.slug == wanted, seen_by(actor)))).first()
    if shown is not None and asked.strip():
        raise Conflict(f"The slug “{wanted}” is taken. Choose another.")
    return f"{wanted[: rules.MAX_SLUG - 8]}-{secrets.token_hex(_SUFFIX_BYTES)}"


async def _insert(tx: Tx, template: FileTemplate) -> None:
    """Write the row; somebody else may have taken its slug a moment ago."""
    slug = template.slug
    try:
        async with tx.begin_nested():
            tx.add(template)
            await tx.flush()
    except IntegrityError as fault:
        raise Conflict(f"The slug “{slug}” is taken. Choose another.") from fault


async def _store(tx: Tx, template: FileTemplate, files: Iterable[File]) -> None:
    """Make these the template's files."""
    query = select(FileTemplateItem).where(FileTemplateItem.template_id == template.id)
    known = {row.path: row for row in (await tx.exec(query)).all()}
    wanted = {each.path: each for each in files}
    for path in known.keys() - wanted.keys():
        await tx.delete(known[path])
    for path, each in wanted.items():
        row = known.get(path) or FileTemplateItem(template_id=template.id, path=path)
        row.content, row.mode, row.order = each.content, each.mode, each.order
        tx.add(row)
    await tx.flush()


def _description(raw: str) -> str:
    return rules.one_line(raw, field="description", limit=rules.MAX_DESCRIPTION)


def _may_publish(template: FileTemplate, public: bool) -> bool:
    if public and template.owner_id is not None:
        raise Forbidden("Only an administrator's templates are shown to everybody.")
    return public


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
