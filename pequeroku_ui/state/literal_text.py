"""What people typed is text, also where Reflex makes JavaScript of it (toasts, redirects).

Reflex takes `<reflex.Var>…</reflex.Var>` in any string for a reference to one of its own variables. One that it never
made keeps it looking for ever, and the whole server with it: a team of that name would be enough.
"""

import re
from typing import Any

from reflex_base.constants import REFLEX_VAR_CLOSING_TAG, REFLEX_VAR_OPENING_TAG
from reflex_base.vars import base
from reflex_base.vars.sequence import LiteralStringVar

_MARK = re.compile(f"{re.escape(REFLEX_VAR_OPENING_TAG)}(?:(-?[0-9]{{1,20}}){re.escape(REFLEX_VAR_CLOSING_TAG)})?")
_NO_MARK = f"<\N{WORD JOINER}{REFLEX_VAR_OPENING_TAG.removeprefix('<')}"
_create = LiteralStringVar.create.__func__


def install() -> None:
    """From now on only Reflex' own references are any: their numbers differ in each process, and nobody knows them."""
    LiteralStringVar.create = classmethod(_create_literally)


def _create_literally(cls: type[LiteralStringVar], value: str, *more: Any, **named: Any) -> Any:
    return _create(cls, _MARK.sub(_plain, value) if REFLEX_VAR_OPENING_TAG in value else value, *more, **named)


def _plain(mark: re.Match[str]) -> str:
    is_known = mark[1] is not None and int(mark[1]) in base._global_vars
    return mark[0] if is_known else mark[0].replace(REFLEX_VAR_OPENING_TAG, _NO_MARK)
