"""The account's pages, the ways in, and the way out."""

import re
import sqlite3
from contextlib import closing

import asyncssh
import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from backend.db import transaction
from backend.rules.policy import SYSTEM
from backend.services import config, invitations, users
from tests import oidc_server
from tests.conftest import in_use
from tests.e2e.conftest import NewContext, Person
from tests.e2e.served import ADMIN_TOKEN, Served
from tests.e2e.steps import arrive, assert_accessible, create, sign_in
from tests.stores import eventually

pytestmark = pytest.mark.browser


async def _configure(server: Served, **values: str) -> None:
    async with in_use(_url(server)), transaction() as tx:
        for name, value in values.items():
            await config.set_config(tx, SYSTEM, name, value)


def _url(server: Served) -> str:
    return f"sqlite:///{server.home}/pequeroku.sqlite3"


def _one(server: Served, query: str, *values: object) -> object:
    with closing(sqlite3.connect(server.home / "pequeroku.sqlite3")) as database:
        found = database.execute(query, values).fetchone()
    return found[0] if found else None


async def _open(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def test_a_profile_is_kept_and_a_wrong_address_is_told(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _open(page, "/account")
    await page.get_by_label("Display name").fill("Ana María")
    await page.get_by_label("E-mail").fill("ana@example.org")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Your profile is saved")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Display name")).to_have_value("Ana María")
    await page.get_by_label("E-mail").fill("a@b,c")
    await page.get_by_label("E-mail").evaluate("input => input.form.noValidate = true")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_have_text("That is no e-mail address.")
    await assert_accessible(page, "profile")


async def test_every_section_is_a_click_away_and_says_where_one_is(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _open(page, "/account")
    for name in ("Security", "Keys", "Invitations", "Data", "Profile"):
        link = page.get_by_role("navigation", name="Account").get_by_role("link", name=name)
        await link.click()
        await expect(link).to_have_attribute("aria-current", "page")
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def test_a_second_factor_is_set_up_asked_for_and_turned_off(
    page: Page, new_context: NewContext, person: Person
) -> None:
    await arrive(page, person)
    await _open(page, "/account/security")
    await page.get_by_role("button", name="Set up").click()
    await expect(page.locator(".pq-qr svg")).to_be_visible()
    await assert_accessible(page, "setting up")
    secret = await page.get_by_label("Secret").inner_text()
    await page.get_by_label("Code it shows now").fill("000000")
    await page.get_by_role("button", name="Turn on").click()
    await expect(page.get_by_role("alert")).to_contain_text("That code is not right")
    await page.get_by_label("Code it shows now").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Turn on").click()
    codes = (await page.get_by_label("Your recovery codes").inner_text()).split()
    assert len(codes) == 10
    await assert_accessible(page, "recovery codes")
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("It is on.")).to_be_visible()

    other = await (await new_context()).new_page()
    await sign_in(other, person)
    await expect(other.get_by_role("heading", name="One more step")).to_be_visible()
    assert "sid" not in {each["name"] for each in await other.context.cookies()}
    await assert_accessible(other, "second step")
    await other.get_by_label("Code").fill("nonsense")
    await other.get_by_role("button", name="Go on").click()
    await expect(other.get_by_role("alert")).to_contain_text("That code is not right")
    await other.get_by_label("Code").fill(codes[0])
    await other.get_by_role("button", name="Go on").click()
    await expect(other.get_by_role("heading", name="Containers", exact=True)).to_be_visible()

    await _open(page, "/account/security")
    await expect(page.get_by_text("9 recovery codes are left")).to_be_visible()
    await page.get_by_text("Turn it off").click()
    await page.get_by_label("Your password").fill(person.password)
    await page.get_by_role("button", name="Turn off").click()
    await expect(page.get_by_role("button", name="Set up")).to_be_visible()


async def test_a_key_is_shown_once_opens_the_api_and_is_revoked(new_context: NewContext, person: Person) -> None:
    page = await (await new_context(reduced_motion="reduce")).new_page()
    await arrive(page, person)
    await create(page, "keyed")
    container = page.url.rpartition("/")[2]
    await _open(page, "/account/keys")
    await page.get_by_label("Name").first.fill("my laptop")
    await page.get_by_role("button", name="Make a key").click()
    text = await page.get_by_label("Your new key").inner_text()
    assert re.fullmatch(r"pk_\w+_\S{43}", text)
    await assert_accessible(page, "new key")
    await page.get_by_role("button", name="Done").click()
    await expect(page.get_by_text(text)).to_have_count(0)
    path, headers = f"/api/containers/{container}/terminals/", {"Authorization": f"Bearer {text}"}
    assert (await page.request.get(path, headers=headers)).status in (200, 503)
    await page.reload()
    await page.get_by_role("button", name="Revoke the key my laptop").click()
    await assert_accessible(page, "revoke a key")
    await page.get_by_role("button", name="Revoke", exact=True).click()
    await expect(page.get_by_text("revoked")).to_be_visible()
    assert (await page.request.get(path, headers=headers)).status == 401


async def test_an_ssh_key_is_kept_by_its_fingerprint_and_a_bad_one_is_told(page: Page, person: Person) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    await arrive(page, person)
    await _open(page, "/account/keys")
    await page.get_by_label("Public key", exact=True).fill("ssh-ed25519 nonsense")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("That is no SSH public key")
    await expect(page.get_by_label("Public key", exact=True)).to_have_value("ssh-ed25519 nonsense")
    await page.get_by_label("Public key", exact=True).fill(f"{key.export_public_key().decode().strip()} me@laptop")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_text(key.get_fingerprint())).to_be_visible()
    await assert_accessible(page, "keys")
    await page.get_by_role("button", name="Remove the key me@laptop").click()
    await page.get_by_role("button", name="Forget").click()
    await expect(page.get_by_text(key.get_fingerprint())).to_have_count(0)


async def test_the_ssh_gateway_says_who_it_is_and_what_to_type(page: Page, person: Person) -> None:
    await arrive(page, person)
    told = await (await page.request.get("/api/ssh-gateway/")).json()
    await create(page, "reached")
    await page.get_by_role("button", name="How to get in by SSH").click()
    await expect(page.get_by_label("The command")).to_have_text(f"ssh reached@localhost -p {told['port']}")
    await _open(page, "/account/keys")
    gateway = page.locator("#ssh-gateway")
    await expect(gateway).to_contain_text(f"ssh NAME@localhost -p {told['port']}")
    await expect(gateway).to_contain_text(told["fingerprint"])
    await expect(gateway).to_contain_text(told["known_hosts"])
    await assert_accessible(page, "keys with a gateway")


async def test_my_data_is_a_file_and_my_account_goes_with_my_password(
    page: Page, person: Person, server: Served
) -> None:
    await arrive(page, person)
    await create(page, "doomed")
    await _open(page, "/account/data")
    await assert_accessible(page, "data")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download my data").click()
    assert (await download.value).suggested_filename == "pequeroku-my-data.json"
    await page.get_by_label("Your password").fill("not this one")
    await page.get_by_role("button", name="Delete my account").click()
    await expect(page.get_by_role("alert")).to_have_text("That is not your present password.")
    await page.get_by_label("Your password").fill(person.password)
    await page.get_by_role("button", name="Delete my account").click()
    await expect(page).to_have_url(re.compile(r"/login"))

    async def is_gone() -> bool:
        return _one(server, "select id from user_account where username = ?", person.name) is None

    await eventually("the account to be gone", is_gone, seconds=60)
    assert _one(server, "select id from container where name = 'doomed'") is None
    await sign_in(page, person)
    await expect(page.get_by_role("alert")).to_have_text("That name and password do not match.")


async def test_a_password_that_was_given_is_changed_before_anything_else(
    page: Page, person: Person, server: Served
) -> None:
    async with in_use(_url(server)), transaction() as tx:
        user_id = _one(server, "select id from user_account where username = ?", person.name)
        given = await users.reset_password(tx, SYSTEM, int(str(user_id)))
    await sign_in(page, person, password=given)
    await expect(page).to_have_url(re.compile(r"/account/new-password"))
    await assert_accessible(page, "new password")
    await page.goto("/account/keys")
    await expect(page).to_have_url(re.compile(r"/account/new-password"))
    await page.get_by_label("Present password").fill(given)
    await page.get_by_label("New password", exact=True).fill("my very own password")
    await page.get_by_label("New password again").fill("my very own password")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("heading", name="Containers", exact=True)).to_be_visible()


async def test_who_is_invited_makes_an_account_once(page: Page, server: Served) -> None:
    await page.goto("/signup")
    await expect(page.get_by_text("Accounts are not for everybody here")).to_be_visible()
    await assert_accessible(page, "no sign-up")
    await _configure(server, sign_up="invitation")
    async with in_use(_url(server)), transaction() as tx:
        token = (await invitations.invite(tx, SYSTEM, email="guest@example.org")).link.rpartition("/")[2]
    await page.goto(f"/join/{token}")
    await expect(page.get_by_text("invites you to make an account")).to_be_visible()
    await assert_accessible(page, "invitation")
    await page.get_by_label("User name").fill("a name with blanks")
    await page.get_by_label("Password").fill("a long password")
    await page.get_by_role("button", name="Make an account").click()
    await expect(page.get_by_role("alert")).to_contain_text("letters, digits")
    await expect(page.get_by_label("User name")).to_have_value("a name with blanks")
    await page.get_by_label("User name").fill("guest")
    await page.get_by_label("Password").fill("a long password")
    await page.get_by_role("button", name="Make an account").click()
    await expect(page.get_by_role("heading", name="Containers", exact=True)).to_be_visible()
    await page.goto(f"/join/{token}")
    await expect(page.get_by_role("alert")).to_contain_text("not good any more")
    await _configure(server, sign_up="closed")


async def test_a_teams_admin_invites_somebody_who_joins(
    page: Page, new_context: NewContext, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await _open(page, "/account/invitations")
    await expect(page.get_by_text("You can invite people into teams")).to_be_visible()
    await page.goto("/teams")
    await page.get_by_role("button", name="New team").first.click()
    await page.get_by_label("Name").fill(f"Team of {person.name}")
    await page.get_by_role("button", name="Create").last.click()
    await expect(page).to_have_url(re.compile(r"/teams/\d+"))
    await _open(page, "/account/invitations")
    await page.get_by_role("button", name="Make an invitation").click()
    link = await page.get_by_label("The link").inner_text()
    await assert_accessible(page, "the link")
    other = await (await new_context()).new_page()
    await arrive(other, somebody_else)
    await other.goto("/join/" + link.rpartition("/")[2])
    await other.get_by_role("button", name="Join the team").click()
    await expect(other.get_by_role("heading", name=f"Team of {person.name}")).to_be_visible()


async def test_a_tool_signs_in_as_an_administrator_with_its_token(page: Page, server: Served) -> None:
    await page.goto("/admin/login")
    await page.get_by_label("Token").fill("a guess")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("That token is not right.")
    await assert_accessible(page, "admin log-in")
    answer = await page.request.post("/api/auth/token", data={"token": ADMIN_TOKEN})
    assert answer.status == 204
    await page.goto("/account")
    await expect(page.get_by_text("Administrator")).to_be_visible()


async def test_one_signs_in_through_another_service_and_links_it(
    browser: Browser, server: Served, person: Person
) -> None:
    with oidc_server.serve(f"{server.url}/auth/oidc/oidc/callback") as provider:
        await _configure(
            server,
            oidc_issuer=provider.issuer,
            oidc_client_id=oidc_server.CLIENT_ID,
            oidc_client_secret=oidc_server.CLIENT_SECRET,
            oidc_name="The Office",
        )
        provider.person(f"sub-of-{person.name}", email="office@example.org")
        context = await browser.new_context(base_url=server.url)  # it may leave: that is the point
        page = await context.new_page()
        await page.goto("/login")
        await page.get_by_role("link", name="Go on with The Office").click()
        await expect(page.get_by_role("alert")).to_contain_text("No account is linked with that sign-in")
        await assert_accessible(page, "log-in with a provider")
        await arrive(page, person)
        await _open(page, "/account/security")
        await page.get_by_role("button", name="Link The Office").click()
        await expect(page.get_by_text("office@example.org")).to_be_visible()
        await assert_accessible(page, "linked")
        await context.clear_cookies()
        await page.goto("/login")
        await page.get_by_role("link", name="Go on with The Office").click()
        await expect(page.get_by_role("heading", name="Containers", exact=True)).to_be_visible()
        await context.close()
        await _configure(server, oidc_client_id="")


async def test_nothing_of_the_account_scrolls_sideways_on_a_phone(new_context: NewContext, person: Person) -> None:
    page = await (await new_context(viewport={"width": 360, "height": 740})).new_page()
    await arrive(page, person)
    for path in ("/account", "/account/security", "/account/keys", "/account/invitations", "/account/data"):
        await _open(page, path)
        widths = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert widths[0] <= widths[1], path
