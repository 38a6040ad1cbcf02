"""The composition root: the one place where pages, API, guard and tasks are put together."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import reflex as rx

from backend.ai import live as ai
from backend.api.app import make_api
from backend.api.preview import server as preview_server
from backend.api.ssh import server as ssh_server
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
    admin_costs,
    admin_form,
    admin_list,
    admin_overview,
    admin_reconciler,
    admin_stream,
    admin_tip_candidates,
    admin_tip_freshness,
    admin_tip_rewards,
    admin_tips,
    assistant,
    connect,
    container,
    dashboard,
    habits,
    inbox,
    login,
    missing,
    new_password,
    notifications,
    privacy,
    signup,
    team,
    teams,
    template,
    templates,
    tip,
)
from pequeroku_ui.state.account import AccountState
from pequeroku_ui.state.activity import ActivityState
from pequeroku_ui.state.admin import AdminDoorState, AdminListState
from pequeroku_ui.state.admin_act import AdminActState
from pequeroku_ui.state.admin_costs import AdminCostsState
from pequeroku_ui.state.admin_form import AdminFormState
from pequeroku_ui.state.admin_overview import AdminOverviewState
from pequeroku_ui.state.admin_reconciler import AdminReconcilerState
from pequeroku_ui.state.admin_stream import AdminStreamState
from pequeroku_ui.state.admin_tip_candidates import AdminTipCandidatesState
from pequeroku_ui.state.admin_tip_freshness import AdminTipFreshnessState
from pequeroku_ui.state.admin_tip_rewards import AdminTipRewardsState
from pequeroku_ui.state.admin_tips import AdminTipsState
from pequeroku_ui.state.admin_try import AdminTryState
from pequeroku_ui.state.base import keep_apart
from pequeroku_ui.state.connect import ConnectState
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.dashboard import DashboardState
from pequeroku_ui.state.farewell import FarewellState
from pequeroku_ui.state.habits import HabitsState
from pequeroku_ui.state.inbox import InboxState
from pequeroku_ui.state.invitations import InvitationsState
from pequeroku_ui.state.inviting import InvitingState
from pequeroku_ui.state.keys import KeysState
from pequeroku_ui.state.login import AdminLoginState, JoinState, LoginState, SignUpState
from pequeroku_ui.state.new_password import NewPasswordState
from pequeroku_ui.state.notifications import NotificationsState
from pequeroku_ui.state.privacy import PrivacyState
from pequeroku_ui.state.security import SecurityState
from pequeroku_ui.state.team import TeamState
from pequeroku_ui.state.teams import TeamsState
from pequeroku_ui.state.template import TemplateState
from pequeroku_ui.state.templates import TemplatesState
from pequeroku_ui.state.webhooks import WebhooksState

reflex_setup.before_app()

app = rx.App(
    stylesheets=theme.STYLESHEETS,
    head_components=[
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        rx.el.meta(name="theme-color", content="#0b7a6b"),
        rx.el.link(rel="manifest", href="/tip.webmanifest"),
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
    drives = settings().run_tasks
    async with runner.running(drives=drives), preview_server.serving(), ssh_server.serving(), ai.working():
        yield


async def _live() -> None:
    await live.follow(app)


app.add_middleware(Guard(keep_apart))
app.register_lifespan_task(_tasks)
app.register_lifespan_task(_live)


def _add(page: Callable[[], rx.Component], route: str, title: Any, *loads: Any) -> None:
    app.add_page(page, route=route, title=title + f" · {NAME}", on_load=list(loads) or None)


def _name_of(shown: Any, otherwise: str) -> rx.Var[str]:
    return rx.cond(shown.id > 0, shown.name, otherwise)


_add(dashboard.page, "/", "Containers", DashboardState.load)
_add(container.page, "/containers/[container_id]", _name_of(ContainerState.shown, "Container"), ContainerState.load)
_add(
    assistant.page,
    "/containers/[container_id]/ai",
    _name_of(ContainerState.shown, "Container") + " · Assistant",
    ContainerState.load,
)
_add(teams.page, "/teams", "Teams", TeamsState.load)
_add(team.page, "/teams/[team_id]", _name_of(TeamState.shown, "Team"), TeamState.load, InvitingState.load)
_add(templates.page, "/templates", "Templates", TemplatesState.load)
_add(template.page, "/templates/[template_slug]", _name_of(TemplateState.shown, "Template"), TemplateState.load)
_add(tip.page, "/tip", "Tip")
_add(inbox.page, "/inbox", "Inbox", InboxState.load)

_add(account.page, "/account", "Account", AccountState.load)
_add(account_security.page, "/account/security", "Security", SecurityState.load)
_add(account_keys.page, "/account/keys", "Keys", KeysState.load)
_add(account_invitations.page, "/account/invitations", "Invitations", InvitationsState.load)
_add(account_webhooks.page, "/account/webhooks", "Webhooks", WebhooksState.load)
_add(account_activity.page, "/account/activity", "Activity", ActivityState.load)
_add(account_data.page, "/account/data", "Data", FarewellState.load)
_add(connect.page, "/me/connect", "Connect your agent", ConnectState.load)
_add(privacy.page, "/me/privacy", "Privacy", PrivacyState.load)
_add(habits.page, "/me/habits", "Habits", HabitsState.load)
_add(notifications.page, "/me/notifications", "Notifications", NotificationsState.load)
_add(new_password.page, "/account/new-password", "New password", NewPasswordState.load)

_add(admin_overview.page, "/admin", "Admin", AdminDoorState.load, AdminOverviewState.load)
_add(admin_reconciler.page, "/admin/reconciler", "Reconciler", AdminDoorState.load, AdminReconcilerState.load)
_add(admin_tips.page, "/admin/tips/policies", "Tips", AdminDoorState.load, AdminTipsState.load)
_add(admin_tip_rewards.page, "/admin/tips/rewards", "Rewards", AdminDoorState.load, AdminTipRewardsState.load)
_add(
    admin_tip_candidates.page, "/admin/tips/candidates", "Candidates", AdminDoorState.load, AdminTipCandidatesState.load
)
_add(admin_tip_freshness.page, "/admin/tips/freshness", "Freshness", AdminDoorState.load, AdminTipFreshnessState.load)
_add(admin_stream.page, "/admin/tips/events", "Events", AdminDoorState.load, AdminStreamState.load)
_add(admin_costs.page, "/admin/costs", "AI costs", AdminDoorState.load, AdminCostsState.load)
_add(
    admin_list.page,
    "/admin/[area]/[noun]",
    AdminListState.heading,
    *(AdminDoorState.load, AdminActState.forget, AdminListState.load),
)
_add(
    admin_form.page,
    "/admin/[area]/[noun]/[key]",
    AdminFormState.heading,
    *(AdminDoorState.load, AdminActState.forget, AdminTryState.forget, AdminFormState.load),
)

_add(login.page, "/login", "Sign in", LoginState.load)
_add(login.code_page, "/login/code", "Sign in", LoginState.load)
_add(login.admin_page, "/admin/login", "Administration", AdminLoginState.load_admin_login)
_add(signup.page, "/signup", "Make an account", SignUpState.load_sign_up)
_add(signup.join_page, "/join/[given_token]", "Invitation", JoinState.load_join)
_add(missing.page, "/404", "Not found")
