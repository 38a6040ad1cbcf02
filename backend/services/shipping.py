"""Templates as folders: those that ship with us, and what the command line imports and exports.

A folder with a `template.toml` (name, description, the order of its files, modes other than 644) keeps its files under
`files/`. Any other folder can be read, too: its name is the template's, and what may be executed gets 755.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlmodel import select

from backend.db import Tx, insert_if_absent
from backend.errors import Invalid
from backend.models import FileTemplate, ShippedTemplate
from backend.rules import templates as rules
from backend.rules.policy import SYSTEM
from backend.rules.templates import File
from backend.services.templates import create_template, files_of, update_template

SHIPPED = Path(__file__).resolve().parents[1] / "shipped"
_MANIFEST = "template.toml"
_FILES = "files"
_LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", ".venv"})
_USUAL_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Folder:
    """A template as it stands in a folder."""

    name: str
    description: str
    files: tuple[File, ...]

    @property
    def digest(self) -> str:
        """What it is known by: changes with anything in it."""
        return _digest(self.name, self.description, self.files)


def read_folder(folder: Path) -> Folder:
    """Read a template from a folder. Links are left out, and so is what tools make (`.git`, `node_modules`, …).

    Raises:
        Invalid: no folder, no text in it, or out of the bounds of a template.
    """
    if not folder.is_dir():
        raise Invalid(f"{folder} is no folder.")
    manifest = _manifest(folder / _MANIFEST)
    root = folder / _FILES if manifest else folder
    order = {path: place for place, path in enumerate(manifest.get("order", []))}
    modes = {path: rules.mode(bits) for path, bits in manifest.get("modes", {}).items()}
    found: list[File] = []
    for path in _paths(root):
        relative = path.relative_to(root).as_posix()
        mode = modes.get(relative, _USUAL_MODE) if manifest else _mode_of(path)
        found.append(File(relative, _text(path), mode, order.get(relative, len(order))))
    name = manifest.get("name") or folder.resolve().name
    return Folder(name, manifest.get("description", ""), tuple(rules.check_files(found)))


def write_folder(folder: Path, template: Folder) -> None:
    """Write a template into a new folder, so that `read_folder` gives the same again.

    Raises:
        Invalid: the folder is there already.
    """
    if folder.exists():
        raise Invalid(f"{folder} is there already. Choose a new folder.")
    for each in template.files:
        path = folder / _FILES / rules.path(each.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.data)
        path.chmod(each.mode & 0o777 | 0o600)
    (folder / _FILES).mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(value)}" for key, value in _told(template).items()]
    modes = [f"{json.dumps(each.path)} = {json.dumps(f'{each.mode:o}')}" for each in template.files]
    (folder / _MANIFEST).write_text("\n".join([*lines, "", "[modes]", *modes, ""]))


async def put_in(tx: Tx) -> None:
    """Put our templates in. What an admin has changed or deleted since is left alone; the rest follows our changes."""
    for folder in sorted(each for each in SHIPPED.iterdir() if each.is_dir()):
        slug, ours = folder.name, read_folder(folder)
        await insert_if_absent(tx, ShippedTemplate(slug=slug, digest=""))
        known = await tx.get_one(ShippedTemplate, slug, with_for_update=True)
        if known.digest != ours.digest:
            await _bring(tx, slug, ours, before=known.digest)
            known.digest = ours.digest


async def _bring(tx: Tx, slug: str, ours: Folder, *, before: str) -> None:
    row = (await tx.exec(select(FileTemplate).where(FileTemplate.slug == slug))).first()
    if row is None and not before:
        await create_template(
            tx,
            SYSTEM,
            name=ours.name,
            slug=slug,
            description=ours.description,
            files=ours.files,
            for_everybody=True,
        )
    elif row is not None and before == _digest(row.name, row.description, await files_of(tx, row.id)):
        await update_template(
            tx,
            SYSTEM,
            row.id,
            version=row.version,
            name=ours.name,
            description=ours.description,
            files=ours.files,
        )


def _digest(name: str, description: str, files: tuple[File, ...] | list[File]) -> str:
    return hashlib.sha256(f"{name}\0{description}\0{rules.digest(files)}".encode()).hexdigest()


def _told(template: Folder) -> dict[str, Any]:
    order = [each.path for each in template.files]
    return {"name": template.name, "description": template.description, "order": order}


def _manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        told = tomllib.loads(path.read_text())
    except (ValueError, OSError) as fault:
        raise Invalid(f"{path} can't be read: {fault}.") from fault
    kinds = {"name": str, "description": str, "order": list, "modes": dict}
    for key, value in told.items():
        if not isinstance(value, kinds.get(key, ())):
            raise Invalid(f"{path} says something strange about “{key}”.")
    order = cast("list[object]", told.get("order", []))
    modes = cast("dict[str, object]", told.get("modes", {}))
    if not all(isinstance(each, str) for each in (*order, *modes.values())):
        raise Invalid(f'{path}: the order is a list of paths, and modes are text such as "755".')
    return told or {"name": ""}


def _paths(root: Path) -> Iterator[Path]:
    count = 0
    for folder, below, names in os.walk(root):
        below[:] = sorted(each for each in below if each not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > rules.MAX_FILES:
                raise Invalid(f"There are more than {rules.MAX_FILES} files in {root}. Choose a smaller folder.")
            yield path


def _text(path: Path) -> str:
    if path.stat().st_size > rules.MAX_FILE_BYTES:
        raise Invalid(f"{path} is too big: {rules.MAX_FILE_BYTES:,} bytes at most.")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as fault:
        raise Invalid(f"{path} is no text in UTF-8. Templates hold text files only.") from fault


def _mode_of(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else _USUAL_MODE
