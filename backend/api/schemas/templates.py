"""File templates."""

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.api.schemas.containers import RowId, Sent, Shown
from backend.rules.templates import DEFAULT_DESTINATION, File, Mode
from backend.services.applying import Preview
from backend.services.templates import TemplateDetail


class FileIO(Sent):
    """One file: a path relative to the destination, text, permission bits."""

    path: str = Field(max_length=1000, examples=["src/main.py"])
    content: str = ""
    mode: int = Field(default=0o644, ge=0, le=0o777, description="As a number: 420 is 0o644, 493 is 0o755")
    order: int = Field(default=0, ge=-(2**31), lt=2**31)

    def file(self) -> File:
        """As the service takes it."""
        return File(self.path, self.content, self.mode, self.order)


class TemplateOut(Shown):
    """A template without its files."""

    id: int
    slug: str
    name: str
    description: str
    public: bool
    owner: str = Field(description="Empty: it is everybody's")
    items_count: int
    size: int = Field(description="Of all contents, in characters")
    version: int
    updated_at: datetime
    can_edit: bool


class TemplateFull(TemplateOut):
    """A template with its files, by order and path."""

    files: list[FileIO]

    @classmethod
    def of(cls, found: TemplateDetail) -> "TemplateFull":
        """As the program reads it."""
        files = [FileIO(path=each.path, content=each.content, mode=each.mode, order=each.order) for each in found.files]
        return cls(**TemplateOut.model_validate(found.view).model_dump(), files=files)


class TemplateIn(Sent):
    """A new template. Its slug is made of the name, where none is given."""

    name: str = Field(max_length=1000, examples=["My project"])
    slug: str = Field(default="", max_length=1000)
    description: str = Field(default="", max_length=5000)
    files: list[FileIO] = Field(default_factory=list[FileIO], max_length=2000)
    for_everybody: bool = Field(default=False, description="It has no owner; only administrators may")
    public: bool = Field(default=True, description="Of one for everybody: shown to them already")

    def given(self) -> dict[str, Any]:
        """As the service takes it."""
        return {**self.model_dump(exclude={"files"}), "files": [each.file() for each in self.files]}


class TemplateChange(Sent):
    """What to change; what is null stays."""

    name: str | None = Field(default=None, max_length=1000)
    slug: str | None = Field(default=None, max_length=1000)
    description: str | None = Field(default=None, max_length=5000)
    public: bool | None = None
    files: list[FileIO] | None = Field(default=None, max_length=2000)

    def given(self) -> dict[str, Any]:
        """As the service takes it."""
        files = None if self.files is None else [each.file() for each in self.files]
        return {**self.model_dump(exclude={"files"}), "files": files}


class PreviewIn(Sent):
    """Where to: a container, a folder there, and whether what else is in that folder stays (merge) or goes (clean)."""

    container_id: RowId
    destination: str = Field(default=DEFAULT_DESTINATION, max_length=5000)
    mode: Mode = Mode.MERGE


class ApplyIn(PreviewIn):
    """The same, and what a preview said."""

    token: str = Field(default="", max_length=1000)


class ExtraOut(Shown):
    """What is in the folder and not in the template."""

    path: str
    count: int


class PlanOut(Shown):
    """What is done, path by path."""

    created: list[str]
    changed: list[str]
    same: list[str]
    removed: list[ExtraOut]
    blocked: list[str] = Field(description="Files that can't be put where they belong")


class PreviewOut(Shown):
    """What putting a template into a folder does, or did."""

    plan: PlanOut
    destination: str = Field(description="Its path in the machine, without links")
    exists: bool
    token: str
    why_not: str = Field(description="Why it can't be done; empty where it can")

    @classmethod
    def of(cls, found: Preview) -> "PreviewOut":
        """As the program reads it."""
        return cls.model_validate(found)
