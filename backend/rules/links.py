"""Links out of the administration, to other programs: shown, and never embedded. Pure."""

import re
from urllib.parse import urlsplit

from backend.errors import Invalid

_MOST = 12
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,29}")


def links_of(text: str) -> dict[str, str]:
    """Addresses by name, from `name=address name=address`, in their order.

    Raises:
        Invalid: it is not that, an address is not of the web, or carries a name and password.
    """
    links: dict[str, str] = {}
    for each in text.split():
        name, _, url = each.partition("=")
        if not _NAME.fullmatch(name) or not _is_open_address(url):
            raise Invalid(f"“{each[:60]}” is not name=address, such as MLflow=https://mlflow.example.", field="value")
        if name in links:
            raise Invalid(f"There are two links by the name of “{name}”.", field="value")
        links[name] = url
    if len(links) > _MOST:
        raise Invalid(f"At most {_MOST} links.", field="value")
    return links


def _is_open_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        return False
