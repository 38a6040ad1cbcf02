"""What every table shares: times are aware and in UTC, on every database."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import DateTime, Dialect, event
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def at_field(*, index: bool = False, set_now: bool = False, nullable: bool = False) -> Any:
    """A column for a moment in time."""
    if set_now:
        return Field(default_factory=now, sa_type=UtcDateTime, nullable=False, index=index)
    return Field(default=None, sa_type=UtcDateTime, nullable=nullable, index=index)


def id_field() -> Any:
    """A primary key that the database gives, at the flush. Without a default: reading it before then raises."""
    return Field(primary_key=True)


class Table(SQLModel):
    """Base of the tables: each names itself (SQLModel types the name as a declared attribute, which a name is not)."""

    if TYPE_CHECKING:
        __tablename__: ClassVar[Any]  # type: ignore[reportIncompatibleVariableOverride]


@event.listens_for(Table, "attribute_instrument", propagate=True)
def _refuse_unflushed_id(table: type[Table], name: str, attribute: Any) -> None:
    if name == "id":
        event.listen(attribute, "init_scalar", _raise_unflushed)


def _raise_unflushed(row: Table, _value: object, _dict: dict[str, Any]) -> None:
    raise RuntimeError(f"this {type(row).__name__} has no id yet: flush it first")
