"""The composition root: the one place where pages, API, guard and tasks are put together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import reflex as rx

from backend.api.app import make_api
from backend.logs import configure_logging
from backend.settings import settings
from backend.tasks import runner
from pequeroku_ui import edge, faults, live, reflex_setup, theme
from pequeroku_ui.components.boundary import boundary
from pequeroku_ui.components.brand import NAME
from pequeroku_ui.components.connection import connection_lost
from pequeroku_ui.guard import Guard
from pequeroku_ui.pages import (
    account,
    account_activity,
    account_data,
    account_invitations,
    account_keys,
    account_security,
    account_webhooks,
    admin_form,
    admin_list,
    admin_overview,
    admin_reconciler,
    container,
    dashboard,
    inbox,
    login,
    missing,
    new_password,
    signup,
    team,
    teams,
    template,
    templates,
)
from pequeroku_ui.state.account import AccountState
from pequeroku_ui.state.activity import ActivityState
from pequeroku_ui.state.admin import AdminDoorState, AdminListState
from pequeroku_ui.state.admin_act import AdminActState
from pequeroku_ui.state.admin_form import AdminFormState
from pequeroku_ui.state.admin_overview import AdminOverviewState
from pequeroku_ui.state.admin_reconciler import AdminReconcilerState
from pequeroku_ui.state.admin_try import AdminTryState
from pequeroku_ui.state.base import keep_apart
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.farewell import FarewellState
from pequeroku_ui.state.inbox import InboxState
from pequeroku_ui.state.invitations import InvitationsState
from pequeroku_ui.state.inviting import InvitingState
from pequeroku_ui.state.keys import KeysState
from pequeroku_ui.state.login import AdminLoginState, JoinState, LoginState, SignUpState
from pequeroku_ui.state.new_password import NewPasswordState
from pequeroku_ui.state.security import SecurityState
from pequeroku_ui.state.team import TeamState
from pequeroku_ui.state.teams import TeamsState
from pequeroku_ui.state.template import TemplateState
from pequeroku_ui.state.templates import TemplatesState
from pequeroku_ui.state.webhooks import WebhooksState
from pequeroku_ui.supervised import ends_with_its_supervisor

reflex_setup.before_app()

app = rx.App(
    stylesheets=theme.STYLESHEETS,
    head_components=[
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        rx.el.meta(name="theme-color", content="#0b7a6b"),
    ],
    html_lang="en",
    extra_app_wraps={(55, "ErrorBoundary"): boundary, (5, "Overlay"): connection_lost},
    toaster=rx.toast.provider(position="bottom-right", close_button=True, rich_colors=True),
    backend_exception_handler=faults.on_backend,
    frontend_exception_handler=faults.on_frontend,
    api_transformer=[make_api(), edge.at_the_edge],
)

reflex_setup.after_app()


@asynccontextmanager
async def _tasks() -> AsyncGenerator[None]:
    configure_logging()
    async with ends_with_its_supervisor(), runner.running(drives=settings().run_tasks):
        yield


async def _live() -> None:
    await live.follow(app)


app.add_middleware(Guard(keep_apart))
app.register_lifespan_task(_tasks)
app.register_lifespan_task(_live)

app.add_page(dashboard.page, route="/", title=f"Containers · {NAME}", on_load=DashboardState.load)
app.add_page(
    container.page,
    route="/containers/[container_id]",
    title=rx.cond(ContainerState.shown.id > 0, ContainerState.shown.name, "Container") + f" · {NAME}",
    on_load=ContainerState.load,
)
app.add_page(teams.page, route="/teams", title=f"Teams · {NAME}", on_load=TeamsState.load)
app.add_page(
    team.page,
    route="/teams/[team_id]",
    title=rx.cond(TeamState.shown.id > 0, TeamState.shown.name, "Team") + f" · {NAME}",
    on_load=[TeamState.load, InvitingState.load],
)
app.add_page(account.page, route="/account", title=f"Account · {NAME}", on_load=AccountState.load)
app.add_page(templates.page, route="/templates", title=f"Templates · {NAME}", on_load=TemplatesState.load)
app.add_page(
    template.page,
    route="/templates/[template_slug]",
    title=rx.cond(TemplateState.shown.id > 0, TemplateState.shown.name, "Template") + f" · {NAME}",
    on_load=TemplateState.load,
)
app.add_page(account_activity.page, route="/account/activity", title=f"Activity · {NAME}", on_load=ActivityState.load)
app.add_page(account_webhooks.page, route="/account/webhooks", title=f"Webhooks · {NAME}", on_load=WebhooksState.load)
app.add_page(inbox.page, route="/inbox", title=f"Inbox · {NAME}", on_load=InboxState.load)
app.add_page(
    admin_overview.page,
    route="/admin",
    title=f"Admin · {NAME}",
    on_load=[AdminDoorState.load, AdminOverviewState.load],
)
app.add_page(
    admin_reconciler.page,
    route="/admin/reconciler",
    title=f"Reconciler · {NAME}",
    on_load=[AdminDoorState.load, AdminReconcilerState.load],
)
app.add_page(
    admin_list.page,
    route="/admin/[area]/[noun]",
    title=AdminListState.heading + f" · {NAME}",
    on_load=[AdminDoorState.load, AdminActState.forget, AdminListState.load],
)
app.add_page(
    admin_form.page,
    route="/admin/[area]/[noun]/[key]",
    title=AdminFormState.heading + f" · {NAME}",
    on_load=[AdminDoorState.load, AdminActState.forget, AdminTryState.forget, AdminFormState.load],
)
for _section, _page, _load in (
    ("Security", account_security.page, SecurityState.load),
    ("Keys", account_keys.page, KeysState.load),
    ("Invitations", account_invitations.page, InvitationsState.load),
    ("Data", account_data.page, FarewellState.load),
):
    app.add_page(_page, route=f"/account/{_section.lower()}", title=f"{_section} · {NAME}", on_load=_load)
app.add_page(
    new_password.page, route="/account/new-password", title=f"New password · {NAME}", on_load=NewPasswordState.load
)
app.add_page(login.page, route="/login", title=f"Sign in · {NAME}", on_load=LoginState.load)
app.add_page(login.code_page, route="/login/code", title=f"Sign in · {NAME}", on_load=LoginState.load)
app.add_page(
    login.admin_page, route="/admin/login", title=f"Administration · {NAME}", on_load=AdminLoginState.load_admin_login
)
app.add_page(signup.page, route="/signup", title=f"Make an account · {NAME}", on_load=SignUpState.load_sign_up)
app.add_page(signup.join_page, route="/join/[given_token]", title=f"Invitation · {NAME}", on_load=JoinState.load_join)
app.add_page(missing.page, route="/404", title=f"Not found · {NAME}")
