"""Coming in, going out, and being shown the door."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import Served
from tests.e2e.steps import arrive, sign_in

pytestmark = pytest.mark.browser


async def test_a_stranger_is_sent_to_the_log_in_page_and_comes_back_to_where_they_were_going(
    page: Page, person: Person
) -> None:
    await page.goto("/account")
    await expect(page).to_have_url(re.compile(r"/login\?next=/account$"))
    await expect(page.locator("input[name=next]")).to_have_value("/account")
    await page.get_by_label("User name").fill(person.name)
    await page.get_by_label("Password").fill(person.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Account")).to_be_visible()


async def test_a_wrong_password_is_said_in_a_sentence(page: Page, person: Person) -> None:
    await sign_in(page, person, password="not this one")
    await expect(page.get_by_role("alert")).to_have_text("That name and password do not match.")


async def test_guessing_is_slowed_down_and_said(page: Page, person: Person, server: Served) -> None:
    for _ in range(6):
        form, ours = {"username": person.name, "password": "a guess"}, {"Origin": server.url}
        await page.request.post("/auth/login", form=form, headers=ours)
    _since_the_last_failure(server, timedelta())
    await sign_in(page, person)
    await expect(page.get_by_role("alert")).to_contain_text("Too many attempts. Try again in")
    _since_the_last_failure(server, timedelta(hours=1))
    await arrive(page, person)


def _since_the_last_failure(server: Served, passed: timedelta) -> None:
    """Let that much time have passed, after so many failures that a slow browser is not too late."""
    at = (datetime.now(UTC) - passed).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3", timeout=20)) as database:
        database.execute("update login_throttle set failures = failures + 4, last_failure_at = ?", (at,))
        database.commit()


async def test_the_log_in_page_works_without_scripts(new_context: NewContext, person: Person) -> None:
    page = await (await new_context(java_script_enabled=False)).new_page()
    await sign_in(page, person)
    await expect(page).to_have_url(re.compile(r"/$"))
    cookies = {each["name"]: each for each in await page.context.cookies()}
    assert cookies["sid"]["httpOnly"]
    assert cookies["sid"]["sameSite"] == "Lax"


async def test_signing_out_ends_the_session(page: Page, person: Person) -> None:
    await arrive(page, person)
    kept = await page.context.cookies()
    await page.get_by_role("button", name=f"Your account, {person.name}").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page).to_have_url(re.compile(r"/login"))
    await page.context.add_cookies(kept)
    await page.goto("/account")
    await expect(page).to_have_url(re.compile(r"/login\?next=/account$"))


async def test_a_revoked_browser_is_shown_the_door_at_once(new_context: NewContext, person: Person) -> None:
    mine = await (await new_context()).new_page()
    other = await (await new_context(user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")).new_page()
    await arrive(mine, person)
    await arrive(other, person)
    await mine.goto("/account/security")
    await expect(mine.get_by_text("this browser")).to_have_count(1)
    await mine.get_by_role("button", name="Sign out Firefox on Linux").click()
    await expect(other).to_have_url(re.compile(r"/login\?error=session-ended"), timeout=2000)
    await expect(mine.get_by_role("button", name="Sign out Firefox on Linux")).to_have_count(0)


async def test_a_changed_password_ends_the_other_sessions_and_opens_new_ones(
    new_context: NewContext, person: Person
) -> None:
    mine = await (await new_context()).new_page()
    other = await (await new_context()).new_page()
    await arrive(mine, person)
    await arrive(other, person)
    await mine.goto("/account/security")
    await _fill_password_form(mine, person.password, "another one entirely", "a slip of the pen")
    await expect(mine.get_by_role("alert")).to_have_text("The two new passwords differ.")
    await _fill_password_form(mine, person.password, "another one entirely", "another one entirely")
    await expect(mine.get_by_text("Your password is changed")).to_be_visible()
    await expect(other).to_have_url(re.compile(r"/login"), timeout=2000)
    await sign_in(other, person, password="another one entirely")
    await expect(other.get_by_role("heading", name="Containers")).to_be_visible()


@pytest.mark.parametrize("onward", ["//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example"])
async def test_nobody_is_sent_to_another_site(page: Page, person: Person, server: Served, onward: str) -> None:
    answer = await page.request.post(
        "/auth/login",
        form={"username": person.name, "password": person.password, "next": onward},
        headers={"Origin": server.url},
        max_redirects=0,
    )
    assert answer.status == 303
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
async def test_another_site_cannot_sign_anybody_in(page: Page, person: Person, origin: str) -> None:
    answer = await page.request.post(
        "/auth/login",
        form={"username": person.name, "password": person.password},
        headers={"Origin": origin},
        max_redirects=0,
    )
    assert answer.headers["location"] == "/login?error=forbidden"
    assert "set-cookie" not in answer.headers


async def _fill_password_form(page: Page, old: str, new: str, again: str) -> None:
    await page.get_by_label("Present password").fill(old)
    await page.get_by_label("New password", exact=True).fill(new)
    await page.get_by_label("New password again").fill(again)
    await page.get_by_role("button", name="Change password").click()
