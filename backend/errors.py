"""Every error a person or a program may be told of.

    PequerokuError            500  error
    ├── Invalid               422  invalid             what was sent can't be used as it is
    ├── Unauthenticated       401  unauthenticated     nobody is signed in
    │   ├── BadCredentials    401  bad-credentials
    │   │   └── BadCode       401  bad-code            a one-time or recovery code
    │   ├── SecondStep        401  second-step         the password is right; a code is asked for, too
    │   └── NotConfirmed      401  not-confirmed       another service did not say who it is
    │       ├── NotLinked     401  not-linked
    │       ├── UserDisabled  401  user-disabled
    │       └── SignUpClosed  401  sign-up-closed
    ├── Forbidden             403  forbidden           visible, but not the actor's to change
    │   └── ScopeTooSmall     403  forbidden-scope     an API key that may do less than this
    ├── NotFound              404  not-found           absent, or not the actor's to see
    ├── Conflict              409  conflict            the state of things forbids it now
    │   ├── NameTaken         409  name-taken
    │   ├── UsernameTaken     409  username-taken
    │   ├── InvitationSpent   409  invitation-spent
    │   ├── SignInTaken       409  sign-in-taken
    │   ├── TicketSpent       409  ticket-spent
    │   ├── NotShown          409  not-shown           a preview that is not shown to who asks
    │   ├── QuotaExceeded     409  quota-exceeded
    │   ├── QuotaFull         409  quota-full          as many containers as may be kept
    │   ├── AskedEnough       409  asked-enough        as much of the assistant as may be had today
    │   ├── TypeNotAllowed    409  type-not-allowed
    │   └── NoRoom            409  no-room             no healthy node can carry it
    ├── FileRefused           …    its own         about a file: backend/rules/file_refusals.py
    ├── Throttled             429  throttled           too many attempts; says when to come back
    └── Unavailable           503  unavailable         a machine or a store does not answer
        ├── DatabaseBusy      503  database-busy
        ├── BrokenOff         502  broken-off          it was lost while it did something
        ├── NotRunning        409  not-running         the machine is off, or still starts
        ├── OutOfTime         504  out-of-time         it took longer than it may, and was ended
        ├── UpstreamFault     502  upstream-fault      a service of somebody else's: mail, sign-in
        │   └── ModelFault    502  ai-…                the language model's provider: backend/ai/faults.py
        ├── NodeFault         503  node-fault          the node answered, and refused
        │   ├── ImageMissing  503  image-missing
        │   ├── NotLive       503  not-live            never between these two nodes, as it runs
        │   └── NodeDiskFull  503  node-disk-full
        ├── GuestSilent       503  guest-silent        the guest did not answer in time
        └── WrongGuest        503  wrong-guest         something else answers in the guest's place

The message is a sentence for the person; `code` and `status` are stable and for programs.
Anything that is not a PequerokuError is a bug: it is logged once, at the edge.
"""


class PequerokuError(Exception):
    """Root of all that we tell people; never raised itself."""

    status = 500
    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(PequerokuError):
    """A value is out of its bounds. `field` names it, for forms."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Unauthenticated(PequerokuError):
    """Nobody is signed in, or the session has ended."""

    status = 401
    code = "unauthenticated"

    def __init__(self, message: str = "Sign in to go on.") -> None:
        super().__init__(message)


class BadCredentials(Unauthenticated):
    """Name and password do not match. Says no more than that, on purpose."""

    code = "bad-credentials"

    def __init__(self, message: str = "That name and password do not match.") -> None:
        super().__init__(message)


class BadCode(BadCredentials):
    """A one-time or recovery code that is wrong, too old, or was used before."""

    code = "bad-code"

    def __init__(self, message: str = "That code is not right, or was used before. Try the next one.") -> None:
        super().__init__(message)


class SecondStep(Unauthenticated):
    """Who they say they are; now the second factor. `ticket` stands for the first step, for a few minutes."""

    code = "second-step"

    def __init__(self, ticket: str) -> None:
        super().__init__("Enter the code of your authenticator app to go on.")
        self.ticket = ticket


class NotConfirmed(Unauthenticated):
    """Signing in through another service came to nothing."""

    code = "not-confirmed"

    def __init__(self, message: str = "The other service did not confirm who you are. Try again.") -> None:
        super().__init__(message)


class NotLinked(NotConfirmed):
    """The other service knows them; no account of ours does, and no new one may be made."""

    code = "not-linked"

    def __init__(self) -> None:
        super().__init__(
            "No account is linked with that sign-in. Sign in with your name and password, then link it on the page "
            "Account, Security."
        )


class UserDisabled(NotConfirmed):
    """The other service has vouched for them, and they may not come in."""

    code = "user-disabled"

    def __init__(self) -> None:
        super().__init__("That account is disabled. Ask an administrator.")


class SignUpClosed(NotConfirmed):
    """Accounts are made by administrators, or for who was invited."""

    code = "sign-up-closed"

    def __init__(self) -> None:
        super().__init__("Accounts are not for everybody here. Ask an administrator for an invitation.")


class Forbidden(PequerokuError):
    """The actor may see the thing but not do this to it."""

    status = 403
    code = "forbidden"

    def __init__(self, message: str = "You may look at this, but not change it.") -> None:
        super().__init__(message)


class ScopeTooSmall(Forbidden):
    """The API key reaches less far than this needs; its person may be let do it."""

    code = "forbidden-scope"

    def __init__(self, needed: str) -> None:
        super().__init__(f"This needs an API key with the scope “{needed}”. Make one on the page Account, Keys.")
        self.needed = needed


class NotFound(PequerokuError):
    """Absent, or invisible to the actor: the two look the same, on purpose."""

    status = 404
    code = "not-found"

    def __init__(self, what: str = "That") -> None:
        super().__init__(f"{what} does not exist, or is not yours to see.")


class Conflict(PequerokuError):
    """The present state of things forbids it."""

    status = 409
    code = "conflict"


class NameTaken(Conflict):
    """Another container of the same owner has the name."""

    code = "name-taken"

    def __init__(self, name: str, *, owner: str = "") -> None:
        who = f"{owner} already has" if owner else "You already have"
        super().__init__(f"{who} a container named “{name}”. Choose another name.")


class UsernameTaken(Conflict):
    """Somebody has the name, in whatever case."""

    code = "username-taken"

    def __init__(self) -> None:
        super().__init__("That user name is taken. Choose another.")


class InvitationSpent(Conflict):
    """The link opens nothing (any more)."""

    code = "invitation-spent"

    def __init__(self) -> None:
        super().__init__(
            "That invitation is not good any more: it was used, taken back, or is too old. Ask for another."
        )


class SignInTaken(Conflict):
    """The account at the other service is linked with somebody else's here."""

    code = "sign-in-taken"

    def __init__(self) -> None:
        super().__init__("Somebody else's account is linked with that sign-in.")


class TicketSpent(Conflict):
    """It lets nobody at a preview (any more), or is another preview's."""

    code = "ticket-spent"

    def __init__(self) -> None:
        super().__init__(
            "That way in is not good any more: it was used, was taken back, or is too old. Open the preview again from "
            "the page of its container, or ask for another link."
        )


class NotShown(Conflict):
    """They may look at the container, but its port is for those who may go inside."""

    code = "not-shown"

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is not shown to you. Ask whoever shares the container to show it to the team.")


class QuotaExceeded(Conflict):
    """Starting or creating would pass the owner's ResourceQuota."""

    code = "quota-exceeded"

    def __init__(self, *, used: int, asked: int, limit: int) -> None:
        left = max(0, limit - used)
        super().__init__(
            f"Not enough credits: this needs {asked}, and {left} of {limit} are left. Stop a container to free some."
        )
        self.used, self.asked, self.limit = used, asked, limit


class QuotaFull(Conflict):
    """The owner keeps as many containers as the ResourceQuota allows, stopped ones too."""

    code = "quota-full"

    def __init__(self, *, kept: int, limit: int) -> None:
        super().__init__(f"You keep {kept} containers, and your quota allows {limit}. Delete one first.")


class AskedEnough(Conflict):
    """The assistant was asked as often today as the owner's ResourceQuota allows, or what it may cost is spent."""

    code = "asked-enough"


class TypeNotAllowed(Conflict):
    """The ResourceQuota does not have the type among those that may be chosen."""

    code = "type-not-allowed"

    def __init__(self, name: str) -> None:
        super().__init__(f"Your quota does not allow {f'the type “{name}”' if name else 'that type'}.")


class NoRoom(Conflict):
    """No healthy node can carry the request; `why` has a word for each node. `full`: a node is up, only not free."""

    code = "no-room"

    def __init__(self, why: str, *, full: bool) -> None:
        advice = "Try a smaller type, or stop something first." if full else "Try again in a moment."
        super().__init__(f"No node can carry this now: {why}. {advice}")


class Throttled(PequerokuError):
    """Too many attempts. `after_s` says when the next one will be looked at."""

    status = 429
    code = "throttled"

    def __init__(self, after_s: int) -> None:
        wait = f"{after_s} seconds" if after_s < 120 else f"{after_s // 60} minutes"
        super().__init__(f"Too many attempts. Try again in {wait}.")
        self.after_s = after_s


class Unavailable(PequerokuError):
    """Something we depend on does not answer; trying again later may help."""

    status = 503
    code = "unavailable"


class BrokenOff(Unavailable):
    """The machine was lost while it did something: nobody knows how far it came."""

    status = 502
    code = "broken-off"


class DatabaseBusy(Unavailable):
    """The database stayed locked for longer than we wait."""

    code = "database-busy"

    def __init__(self) -> None:
        super().__init__("The database is busy. Nothing was changed; try again in a moment.")


class NotRunning(Unavailable):
    """What was asked for needs a machine that runs."""

    status = 409
    code = "not-running"

    def __init__(self) -> None:
        super().__init__("The container is not running. Start it, and try again when it runs.")


class OutOfTime(Unavailable):
    """Something took longer than it may. It was ended, and whatever it had begun with it."""

    status = 504
    code = "out-of-time"


class UpstreamFault(Unavailable):
    """A service that is not ours did not do its part."""

    status = 502
    code = "upstream-fault"


class NodeFault(Unavailable):
    """The node answers, but could not do what was asked. Its own words stand behind the colon."""

    code = "node-fault"


class ImageMissing(NodeFault):
    """The guest image is not there to be used."""

    code = "image-missing"

    def __init__(self, detail: str) -> None:
        super().__init__(f"The guest image is missing: {detail}. Run `make image`, then try again.")


class NotLive(NodeFault):
    """Between these two nodes no machine can be moved as it runs: trying again is of no use."""

    code = "not-live"


class NodeDiskFull(NodeFault):
    """The node's storage has no space left."""

    code = "node-disk-full"

    def __init__(self, node: str) -> None:
        super().__init__(f"The disk of node “{node}” is full. An operator has to free some space there.")


class GuestSilent(Unavailable):
    """The guest did not answer in time."""

    code = "guest-silent"

    def __init__(self, after_s: float) -> None:
        super().__init__(f"The guest did not answer within {after_s:.0f} s of booting.")


class WrongGuest(Unavailable):
    """The guest's host key is not the one it announced: something else answers in its place."""

    code = "wrong-guest"

    def __init__(self) -> None:
        super().__init__("The machine's host key is not the one it announced when it booted. Restart it to go on.")
