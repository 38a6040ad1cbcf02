"""What containers used, over time."""

from sqlalchemy import BigInteger
from sqlmodel import Field

from backend.models.base import Table


class UsagePoint(Table, table=True):
    """The means of a stretch of `grain_s` seconds (rules/downsampling.py). On SQLite the key is the table.

    Times are whole seconds since 1970: these rows are counted in millions, and are asked for by ranges.
    """

    __tablename__ = "usage_point"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - as SQLAlchemy wants it

    container_id: int = Field(primary_key=True, foreign_key="container.id", ondelete="CASCADE")
    grain_s: int = Field(primary_key=True)
    at_s: int = Field(primary_key=True, sa_type=BigInteger)
    measured_s: float
    cpu_percent: float | None = None
    mem_used_mb: float | None = None
    mem_total_mb: float | None = None
    disk_read_bytes_per_s: float | None = None
    disk_write_bytes_per_s: float | None = None
    disk_used_bytes: float | None = None
    net_rx_bytes_per_s: float | None = None
    net_tx_bytes_per_s: float | None = None
