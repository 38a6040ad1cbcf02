"""Sentences for the codes that forms come back with (backend/api/forms.py)."""

from collections.abc import Mapping

_SENTENCES = {
    "account-deleted": "Your account is being deleted, with all that is yours.",
    "bad-code": "That code is not right, or was used before. Try the next one.",
    "bad-credentials": "That name and password do not match.",
    "database-busy": "The database is busy. Try again in a moment.",
    "forbidden": "Sign in from this page, under the address your operator gave you.",
    "invalid-email": "That is no e-mail address.",
    "invalid-password": "Use 10 to 256 characters for the password.",
    "invalid-username": "Use 1 to 64 letters, digits and . _ @ + - for the user name.",
    "invitation-spent": "That invitation is not good any more: it was used, taken back, or is too old. "
    "Ask for another.",
    "not-confirmed": "The other service did not confirm who you are, or it took too long. Begin again.",
    "not-found": "That way in is not offered here.",
    "not-linked": "No account is linked with that sign-in. Sign in with your name and password, then link it on the "
    "page Account, Security.",
    "session-ended": "Your session has ended. Sign in to go on.",
    "sign-in-taken": "Somebody else's account is linked with that sign-in.",
    "sign-up-closed": "Accounts are not for everybody here. Ask an administrator for an invitation.",
    "throttled": "Too many attempts. Wait a little before the next one.",
    "unauthenticated": "That took too long. Sign in again.",
    "upstream-fault": "The other service does not answer. Try again in a moment.",
    "user-disabled": "That account is disabled. Ask an administrator.",
    "username-taken": "That user name is taken. Choose another.",
}
_OTHER = "That did not work. Try again in a moment."


def sentence_of(asked: Mapping[str, str]) -> str:
    """What an address says went wrong; empty where it says nothing."""
    code, after = asked.get("error", ""), asked.get("after", "")
    if code == "throttled" and after.isascii() and after.isdecimal():
        seconds = int(after[:5])
        wait = f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
        return f"Too many attempts. Try again in {wait}."
    return _SENTENCES.get(code, _OTHER) if code else ""
