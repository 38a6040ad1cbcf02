"""What an administrator sees of the assistant: whether its provider answers, and what it costs."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Person
from tests.e2e.served import ADMIN_PASSWORD, Served
from tests.e2e.steps import arrive, assert_accessible
from tests.model_server import ModelServer, Reply, says

pytestmark = pytest.mark.browser


async def test_the_provider_is_tried_as_it_is_saved(page: Page, model: ModelServer) -> None:
    await arrive(page, Person("admin", ADMIN_PASSWORD))
    await page.goto("/admin/internal_config/config/openai_api_key/")
    model.will(says("ready"), Reply(status=401))
    button, said = page.get_by_role("button", name="Test what is saved"), page.locator(".pq-try .pq-note")
    await button.click()
    await expect(said).to_contain_text("answers: ready")
    await button.click()
    await expect(said).to_have_attribute("data-tone", "bad")
    await page.goto("/admin/internal_config/config/default_credits/")
    await expect(page.get_by_role("heading", name="default_credits")).to_be_visible()
    await expect(button).to_have_count(0)


async def test_costs_are_plotted_by_day_user_and_model(page: Page, server: Served) -> None:
    await arrive(page, Person("admin", ADMIN_PASSWORD))
    await page.goto("/admin/costs")
    for title in ("Cost by day", "Cost by user", "Cost by model"):
        await expect(page.get_by_role("region", name=title)).to_be_visible()
    await page.get_by_role("button", name="Year").click()
    await expect(page.get_by_role("button", name="Year")).to_have_attribute("aria-pressed", "true")
    await assert_accessible(page, "costs")
