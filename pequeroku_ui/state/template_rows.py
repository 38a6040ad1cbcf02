"""Templates as the pages show them: plain data for the browser, made from what services return. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.rules.templates import Extra, File, Plan, octal
from backend.services.templates import TemplateView
from pequeroku_ui.state.wording import count

_MAX_LINES = 300


@dataclass(frozen=True)
class TemplateRow:
    """One template, in words. `whose`: everybody, mine, draft or somebody."""

    id: int
    key: str
    name: str
    description: str
    href: str
    files: str
    whose: str
    owner: str
    public: bool
    can_edit: bool
    can_publish: bool
    updated_at: str


@dataclass(frozen=True)
class FileRow:
    """One file of a template, without its content."""

    path: str
    mode: str
    size: str


@dataclass(frozen=True)
class LineRow:
    """What would become of one path. `kind`: created, changed, removed, blocked or same."""

    kind: str
    path: str
    words: str


NOTHING = TemplateRow(
    id=0, key="0", name="", description="", href="", files="", whose="", owner="", public=False,
    can_edit=False, can_publish=False, updated_at="",
)  # fmt: skip


def template_row(view: TemplateView, *, user_id: int | None) -> TemplateRow:
    """A template for the pages."""
    if view.owner_id is None:
        whose = "everybody" if view.public else "draft"
    else:
        whose = "mine" if view.owner_id == user_id else "somebody"
    return TemplateRow(
        id=view.id,
        key=view.slug,
        name=view.name,
        description=view.description,
        href=f"/templates/{view.slug}",
        files=count(view.items_count, "file"),
        whose=whose,
        owner=view.owner,
        public=view.public,
        can_edit=view.can_edit,
        can_publish=view.can_edit and view.owner_id is None,
        updated_at=view.updated_at.isoformat(),
    )


def file_rows(files: Sequence[File]) -> list[FileRow]:
    """A template's files, in their order."""
    return [FileRow(each.path, octal(each.mode), _size(len(each.data))) for each in files]


def lines(plan: Plan) -> list[LineRow]:
    """What would be done, path by path; what stays as it is comes last. 300 at most."""
    told = [
        *(LineRow("blocked", path, "in the way") for path in plan.blocked),
        *(LineRow("removed", _name(each), "removed") for each in plan.removed),
        *(LineRow("changed", path, "changed") for path in plan.changed),
        *(LineRow("created", path, "new") for path in plan.created),
        *(LineRow("same", path, "as it is") for path in plan.same),
    ]
    return told[:_MAX_LINES]


def more(plan: Plan) -> str:
    """What `lines` left out, in words; empty where it tells all."""
    told = sum(map(len, (plan.blocked, plan.removed, plan.changed, plan.created, plan.same)))
    return f"and {told - _MAX_LINES:,} more" if told > _MAX_LINES else ""


def _size(number: int) -> str:
    """Bytes, for people."""
    return f"{number} B" if number < 1024 else f"{number / 1024:,.1f} KiB"


def _name(extra: Extra) -> str:
    return f"{extra.path}/ ({count(extra.count, 'file')} in it)" if extra.is_folder else extra.path
