"""What administrators see of tips, on a server where many were decided: who chooses, what for, what it was worth."""

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlmodel import select

from backend.db import transaction
from backend.models import TipPhrase, User
from backend.models.base import now
from backend.rules.bandit.distributions import mixture
from backend.rules.bandit.stages import Stage
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from backend.tips import features, promotion, stages
from backend.tips.features import Feature
from tests.conftest import in_use
from tests.e2e import people, served
from tests.e2e.conftest import Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, assert_accessible, picture
from tests.tip_log import FIRST, SECOND, decisions

pytestmark = pytest.mark.browser

_ADMIN = Person("admin", "an admin for tests")
_ASKED = {"rule@1": FIRST, "thompson@1": SECOND}


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """A server of our own: what is decided there is known."""
    if not Path(served.CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    served.build()
    home = tmp_path_factory.mktemp("judging")
    with served.serve(home, served.memory_node(home)) as running:
        yield running


async def _much_was_decided(server: Served) -> None:
    """Twelve days of the rule alone, one of a canary; the gate has looked."""
    async with in_use(f"sqlite:///{server.home}/pequeroku.sqlite3"):
        async with transaction() as tx:
            query = select(User.id).where(User.username == people.name_of(0))
            user_id = (await tx.exec(query)).one()
            for name, stage, days in (("rule", Stage.ACTIVE, 30), ("thompson", Stage.CANARY, 1)):
                (await stages.put(tx, name, stage)).since = now() - timedelta(days=days)
            await set_config(tx, SYSTEM, "tips_links", "MLflow=https://mlflow.example Airflow=https://airflow.example")
            tx.add(TipPhrase(kind="idle_vm", text="Let {name} rest for a while.", alias="tip-generator", model="small"))
            old = now() - timedelta(hours=1)
            await features.write(
                tx, user_id, [Feature("platform.idle_vm", 12, {}, old, old, now() + timedelta(days=1))]
            )
        for day in range(12, 0, -1):
            at = now() - timedelta(days=day)
            await decisions(user_id, 60 + 5 * day, "active", _ASKED, FIRST, seed=day, at=at)
        await decisions(user_id, 40, "canary", _ASKED, mixture(FIRST, SECOND), seed=99)
        await promotion.look()


async def _each_way(browser: Browser, server: Served, name: str) -> None:
    """Every page in both colours and on a phone: accessible, and no wider than the window."""
    for look, options in {
        "light": {"color_scheme": "light"},
        "dark": {"color_scheme": "dark"},
        "phone": {"viewport": {"width": 390, "height": 844}},
    }.items():
        made = await browser.new_context(
            base_url=server.url, **{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options}
        )
        page = await made.new_page()
        await arrive(page, _ADMIN)
        for each in ("policies", "rewards", "candidates", "freshness"):
            await page.goto(f"/admin/tips/{each}")
            await expect(page.locator("h1")).to_be_visible()
            await expect(page.locator("[aria-busy=true]")).to_have_count(0)
            await expect(page.get_by_role("navigation", name="Tips").locator("[aria-current=page]")).to_have_count(1)
            await assert_accessible(page, f"{each}, {look}")
            widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert widths[0] <= widths[1], f"{each} is {widths[0]} px wide in {widths[1]}"
            await picture(page, f"tips-{each}-{name}-{look}")
        await made.close()


async def test_who_runs_it_sees_what_tips_are_worth_and_what_the_gate_says(browser: Browser, judging: Served) -> None:
    await _each_way(browser, judging, "empty")
    await _much_was_decided(judging)
    await _each_way(browser, judging, "full")
    context = await browser.new_context(base_url=judging.url, viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await arrive(page, _ADMIN)
    await page.goto("/admin/tips/policies")
    report = page.get_by_role("region", name="What the gate said")
    await expect(report).to_contain_text("not enough evidence")
    await expect(report).to_contain_text("has made 40 decisions, and 500 are needed")
    await expect(report.get_by_role("row", name="Offline, before it was tried out")).to_be_visible()
    await expect(page.get_by_role("link", name="MLflow")).to_have_attribute("href", "https://mlflow.example")
    await page.get_by_role("navigation", name="Tips").get_by_role("link", name="Rewards").click()
    regret = page.get_by_role("region", name="Regret", exact=True)
    await expect(regret).to_contain_text("thompson@1 would have earned +0.")
    await expect(page.get_by_role("region", name="By who decided").first).to_contain_text("canary")
    await page.get_by_role("button", name="Week").click()
    await expect(page.get_by_role("status")).to_contain_text("in 7 days")
    await page.get_by_role("navigation", name="Tips").get_by_role("link", name="Candidates").click()
    await expect(page.get_by_role("region", name="Words", exact=True)).to_contain_text("Let {name} rest for a while.")
    await expect(page.get_by_role("region", name="Candidates")).to_contain_text("platform.idle_vm")
    await page.get_by_role("navigation", name="Tips").get_by_role("link", name="Freshness").click()
    await expect(page.get_by_role("row", name="platform.idle_vm platform")).to_contain_text("60 min")
    await page.goto("/admin/tips/policies")
    await page.get_by_role("button", name="Only look on thompson 1").click()
    await expect(page.locator("tr", has_text="thompson 1")).to_contain_text("shadow")
    await context.close()
