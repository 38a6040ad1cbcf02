"""Which containers keep still because another one's disk is being copied from theirs."""

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import col

from backend.models import Container


def is_lent() -> ColumnElement[bool]:
    """The condition on Container that holds while its disk is being copied."""
    copy = aliased(Container)
    return exists().where(col(copy.copy_of) == col(Container.uuid), col(copy.copy_disk) != "")
