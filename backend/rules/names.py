"""Names of whatever has one, and passwords: what is allowed, and names made up for those who don't care."""

import random
import re
from collections.abc import Collection

from backend.errors import Invalid

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")
MAX_NAME = 63

_MOODS = (
    "amber brave bright calm clever cosy daring eager early fancy fond gentle glad golden happy honest humble jolly "
    "keen kind lively lucky mellow merry mighty misty noble patient plucky polite proud quick quiet rapid ready rosy "
    "serene shiny silent silver sleek smart snug spry steady sunny swift tidy vivid warm wild wise witty young zesty"
).split()
_BEINGS = (
    "alder badger bear beaver birch bison cedar cheetah condor coral crane cricket dolphin eagle elk falcon fern finch "
    "fox gecko hare hawk heron ibex jaguar kestrel koala lark lemur linden lion lotus lynx maple marten moose newt "
    "ocelot orca oriole osprey otter owl panda pine puma quail raven robin salmon seal sparrow stork swan tern tiger "
    "toucan trout tulip viper walrus willow wolf wombat wren yak zebra"
).split()


def random_name(rng: random.Random) -> str:
    """A name people can say: “calm-otter-42”."""
    return f"{rng.choice(_MOODS)}-{rng.choice(_BEINGS)}-{rng.randint(2, 99)}"


def container_name(raw: str) -> str:
    """Normalise and check a name that a person typed. It becomes the guest's hostname, so RFC 1123 rules.

    Raises:
        Invalid: too long, or with characters that a hostname can't have.
    """
    name = raw.strip().lower().replace(" ", "-").replace("_", "-")
    if len(name) > MAX_NAME:
        raise Invalid(f"That name is too long: {len(name)} characters, {MAX_NAME} at most.", field="name")
    if not _NAME.fullmatch(name):
        raise Invalid("Use letters, digits and hyphens for the name, with no hyphen at either end.", field="name")
    return name


def copy_name(name: str, taken: Collection[str]) -> str:
    """What a copy is called when nobody says: “web-copy”, “web-copy-2”, …; it fits a hostname."""
    stem, number = name.removesuffix("-copy"), 1
    while True:
        end = "-copy" if number == 1 else f"-copy-{number}"
        chosen = stem[: MAX_NAME - len(end)].rstrip("-") + end
        if chosen not in taken:
            return chosen
        number += 1


def node_name(raw: str) -> str:
    """Check a node's name: a host name of any kind.

    Raises:
        Invalid: empty, too long, or with characters other than letters, digits and `. -`.
    """
    name = raw.strip()
    if len(name) > MAX_NAME or not _NODE_NAME.fullmatch(name):
        raise Invalid(f"Use 1 to {MAX_NAME} letters, digits, dots and hyphens for the node's name.", field="name")
    return name


def team_name(raw: str) -> str:
    """Check a team's name: any words, on one line.

    Raises:
        Invalid: empty, too long, or with characters that can't be seen.
    """
    name = " ".join(raw.split())
    if not name or len(name) > 64 or not name.isprintable():
        raise Invalid("Use 1 to 64 letters, digits or signs for the team's name.", field="name")
    return name


def username(raw: str) -> str:
    """Check a user's name.

    Raises:
        Invalid: empty, too long, or with characters other than letters, digits and `. _ @ + -`.
    """
    name = raw.strip()
    if not name or len(name) > 64 or not _USERNAME.fullmatch(name):
        raise Invalid("Use 1 to 64 letters, digits and . _ @ + - for the user name.", field="username")
    return name


def password(raw: str) -> str:
    """Check a new password's length; what it is made of is the person's business (NIST SP 800-63B).

    Raises:
        Invalid: shorter than 10 or longer than 256 characters.
    """
    if len(raw) < 10:
        raise Invalid("Use at least 10 characters for the password.", field="password")
    if len(raw) > 256:
        raise Invalid("Use at most 256 characters for the password.", field="password")
    return raw


def email(raw: str) -> str:
    """Check an e-mail address: only a message that arrives proves one, so only what can't be one is refused.

    Raises:
        Invalid: no `@` with something on both sides, or too long (RFC 5321: 254 characters).
    """
    address = raw.strip()
    name, _, host = address.rpartition("@")
    is_one = name and host and address.isprintable() and not set(address) & set(' <>,;:\\"()[]')
    if address and (not is_one or len(address) > 254):
        raise Invalid("That is no e-mail address.", field="email")
    return address


def display_name(raw: str) -> str:
    """Check the name that a person is shown by; empty: none.

    Raises:
        Invalid: too long, or with signs that can't be shown.
    """
    name = raw.strip()
    if len(name) > 100 or not name.isprintable():
        raise Invalid("Use at most 100 characters for the name, on one line.", field="display_name")
    return name


def label(raw: str, *, field: str = "name") -> str:
    """Check what a person calls a thing of theirs.

    Raises:
        Invalid: empty, too long, or with signs that can't be shown.
    """
    name = raw.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Invalid("Give it a name of 1 to 100 characters.", field=field)
    return name
