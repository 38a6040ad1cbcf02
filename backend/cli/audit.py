"""`audit`: check the audit log, take it along, and remove what is old."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import reading, transaction
from backend.rules.policy import SYSTEM
from backend.services import audit as service
from backend.services import audit_export
from backend.services.audit_chain import ChainReport
from backend.services.audit_export import Form
from backend.services.audit_search import Wanted
from backend.tasks import retention

app = group("The audit log: whether it is whole, as a file, and without what is too old.")


@app.command()
def verify() -> None:
    """Check every row against the chain. Exit status 1 when it does not hold.

    Note the last row's number and hash somewhere else: a later check of that row shows whether all was replaced.
    """

    async def work() -> ChainReport:
        async with reading(snapshot=True) as tx:
            return await service.verify_chain(tx, SYSTEM)

    report = run(work())
    for fault in report.faults:
        typer.secho(fault.sentence, fg="red", err=True)
    typer.echo(f"{report.checked} rows hold, {report.erased} of them without their personal part.")
    if report.before_chain:
        typer.echo(f"{report.before_chain} rows are from before the chain began: nothing vouches for them.")
    typer.echo(f"The chain ends with row {report.last_id}, {report.last_hash or 'and is empty'}.")
    if not report.holds:
        sys.exit(1)


@app.command()
def export(
    path: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    form: Annotated[Form, typer.Option("--format")] = Form.CSV,
    since: Annotated[datetime | None, typer.Option(help="From this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this time, UTC.")] = None,
    text: Annotated[str, typer.Option(help="With these words, or words that begin so.")] = "",
    action: str = "",
) -> None:
    """Write the rows to a file, newest first."""
    wanted = Wanted(action=action, since=_utc(since), until=_utc(until), text=text)

    async def work() -> None:
        async with transaction() as tx:
            await service.begin_export(tx, SYSTEM, wanted, form)
        with path.open("x", encoding="utf-8", newline="") as sink:
            async for piece in audit_export.lines(wanted, form):
                sink.write(piece)

    if path.exists():
        typer.secho(f"{path} is there already. Choose another name.", fg="red", err=True)
        sys.exit(1)
    run(work())
    typer.echo(f"Written to {path}.")


@app.command()
def prune() -> None:
    """Remove what is older than Config keeps it, as the server does by itself every hour."""
    typer.echo(f"{run(retention.sweep())} rows were removed.")


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None else None
