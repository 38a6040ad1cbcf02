"""Words of strangers, as they can be shown. Pure."""


def one_line(text: str) -> str:
    """On one line, with blanks in the place of what can't be seen, or turns the order of letters around."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
