"""Users."""

from sqlmodel import col

from backend.models import User
from backend.services.admin.screen import Column, Screen, Show, yes_or_no

_USERNAME = col(User.username)

SCREEN = Screen(
    path="auth/user",
    title="Users",
    one="user",
    icon="users",
    help="Who can sign in, and who administers.",
    source=User,
    key=col(User.id),
    name=_USERNAME,
    target_type="user",
    columns=(
        Column("username", "User name", _USERNAME),
        Column("display_name", "Name", col(User.display_name)),
        Column("email", "E-mail", col(User.email)),
        Column("is_superuser", "Administrator", col(User.is_superuser), Show.SWITCH),
        Column("is_active", "Active", col(User.is_active), Show.SWITCH),
        Column("last_login_at", "Last sign-in", col(User.last_login_at), Show.AT, has_empties=True),
        Column("created_at", "Made", col(User.created_at), Show.AT),
    ),
    facts=(Column("totp_enabled_at", "Second factor since", col(User.totp_enabled_at), Show.AT),),
    search=(_USERNAME, col(User.display_name), col(User.email)),
    filters=(
        yes_or_no("active", "Active", col(User.is_active)),
        yes_or_no("admin", "Administrator", col(User.is_superuser)),
    ),
    ordering="username",
    links=(
        ("Containers", "/admin/vm_manager/container/?user={id}"),
        ("Quota", "/admin/vm_manager/resourcequota/?user={id}"),
        ("What they did", "/admin/internal_config/auditlog/?user={id}"),
        ("What they asked the assistant", "/admin/internal_config/aiusagelog/?user={id}"),
    ),
)
