"""`template`: sets of files for everybody to begin a project with."""

from pathlib import Path
from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import reading, transaction
from backend.rules.policy import SYSTEM
from backend.rules.templates import octal
from backend.services import shipping, templates
from backend.services.shipping import Folder
from backend.services.templates import TemplateDetail, TemplateView

app = group("Sets of files to begin a project with.")


@app.command(name="list")
def list_all(search: str = "") -> None:
    """Every template, users' own ones too."""

    async def work() -> list[TemplateView]:
        async with reading() as tx:
            return await templates.list_templates(tx, SYSTEM, search=search)

    for view in run(work()):
        whose = view.owner or ("everybody" if view.public else "not published")
        typer.echo(f"{view.slug:32} {view.items_count:4} files  {whose:20} {view.name}")


@app.command()
def show(slug: str, path: Annotated[str, typer.Argument(help="Print this file instead.")] = "") -> None:
    """A template's files, or one file's content."""
    detail = run(_read(slug))
    if path:
        wanted = next((each for each in detail.files if each.path == path), None)
        if wanted is None:
            typer.secho(f"“{slug}” has no file “{path}”.", fg="red", err=True)
            raise typer.Exit(1)
        typer.echo(wanted.content, nl=False)
        return
    typer.echo(f"{detail.view.name}: {detail.view.description}")
    for each in detail.files:
        typer.echo(f"{octal(each.mode)} {len(each.data):8,} {each.path}")


@app.command(name="import")
def import_folder(
    folder: Path,
    slug: Annotated[str, typer.Option(help="Made of the name where none is given.")] = "",
    publish: Annotated[bool, typer.Option(help="Show it to everybody.")] = True,
) -> None:
    """Make a template for everybody of a folder, or bring the one with that slug up to date."""

    view = run(_take(folder, slug, publish))
    typer.echo(f"“{view.slug}” has {view.items_count} files now.")


@app.command()
def export(slug: str, folder: Path) -> None:
    """Write a template into a new folder, which `import` can read."""

    async def work() -> int:
        detail = await _read(slug)
        shipping.write_folder(folder, Folder(detail.view.name, detail.view.description, detail.files))
        return len(detail.files)

    typer.echo(f"{run(work())} files are in {folder} now.")


async def _read(slug: str) -> TemplateDetail:
    async with reading() as tx:
        return await templates.get_template(tx, SYSTEM, slug)


async def _take(folder: Path, slug: str, publish: bool) -> TemplateView:
    found = shipping.read_folder(folder)
    name, description, files = found.name, found.description, found.files
    async with transaction() as tx:
        known = await templates.list_templates(tx, SYSTEM)
        same = next((each for each in known if slug and each.slug == slug), None)
        if same is not None:
            changed = await templates.update_template(
                tx, SYSTEM, same.id, version=same.version, name=name, description=description, files=files
            )
            return changed.view
        made = await templates.create_template(
            tx, SYSTEM, name=name, slug=slug, description=description, files=files, for_everybody=True, public=publish
        )
        return (await templates.get_template(tx, SYSTEM, made)).view
