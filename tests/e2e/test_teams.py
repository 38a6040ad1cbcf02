"""Teams and shared containers, in browsers: what one does, the others see at once."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import NewContext, Person
from tests.e2e.steps import arrive, assert_accessible, card, create, expect_status

pytestmark = pytest.mark.browser

_AT_ONCE_MS = 3000
"""A second, and what a busy machine adds to it."""


async def _another(new_context: NewContext, who: Person, **options: object) -> Page:
    page = await (await new_context(**options)).new_page()
    await arrive(page, who)
    return page


async def _make_team(page: Page, name: str, *people: Person) -> None:
    await page.goto("/teams")
    await page.locator("#new-team").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Description").fill("Who keeps it running")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/teams/\d+$"))
    for each in people:
        await page.get_by_label("User name").fill(each.name)
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.locator(f"[data-member='{each.name}']")).to_be_visible()


async def _share(page: Page, box: str, *, role: str, team: str = "", person: str = "") -> None:
    await page.get_by_role("button", name=f"Share {box}").click()
    if team:
        await page.get_by_label("With whom").select_option(f"Team “{team}”")
    else:
        await page.get_by_label("User name").fill(person)
    await page.locator(f"[data-role={role}] input").check()
    await page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    await expect(page.locator(f"[data-shared-with='{team or person}']")).to_be_visible()


async def test_what_is_shared_with_a_team_appears_and_goes_in_open_pages(
    new_context: NewContext, page: Page, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await _make_team(page, f"Ops of {person.name}", somebody_else)
    theirs = await _another(new_context, somebody_else)
    await page.goto("/")
    await create(page, "shared-box")
    await expect_status(page, "running")
    await _share(page, "shared-box", role="operator", team=f"Ops of {person.name}")
    await expect(card(theirs, "shared-box")).to_be_visible(timeout=_AT_ONCE_MS)
    await expect(card(theirs, "shared-box").locator("[data-chip=shared-by]")).to_contain_text(person.name)
    await expect(card(theirs, "shared-box").get_by_role("button", name="Delete shared-box")).to_have_count(0)
    await expect(page.locator("[data-chip=shared-with]")).to_contain_text(f"Ops of {person.name}")
    await page.keyboard.press("Escape")
    await card(theirs, "shared-box").get_by_role("button", name="Stop shared-box").click()
    await expect(page.get_by_role("heading", name="It is stopped")).to_be_visible()
    await expect(card(theirs, "shared-box").locator("[data-status=stopped]")).to_be_visible(timeout=_AT_ONCE_MS)
    await page.get_by_role("button", name="Share shared-box").click()
    await page.get_by_role("button", name=f"End sharing with Ops of {person.name}").click()
    await expect(card(theirs, "shared-box")).to_have_count(0, timeout=_AT_ONCE_MS)


async def test_who_is_removed_loses_the_container_and_its_page_at_once(
    new_context: NewContext, page: Page, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await create(page, "team-box")
    await expect_status(page, "running")
    await _make_team(page, f"Crew of {person.name}", somebody_else)
    team_url = page.url
    await page.goto("/")
    await _share(page, "team-box", role="manager", team=f"Crew of {person.name}")
    theirs = await _another(new_context, somebody_else)
    await card(theirs, "team-box").get_by_role("link", name="Open terminal of team-box").click()
    await expect(theirs.get_by_role("button", name="Restart team-box")).to_be_visible()
    team_page = await theirs.context.new_page()
    await team_page.goto(team_url)
    await expect(team_page.get_by_role("link", name="team-box")).to_be_visible()
    await page.goto(team_url)
    await page.get_by_role("button", name=f"Remove {somebody_else.name}").click()
    await assert_accessible(page, "a question")
    await page.get_by_role("alertdialog").get_by_role("button", name="Remove", exact=True).click()
    await expect(theirs.get_by_role("heading", name="No such container")).to_be_visible(timeout=_AT_ONCE_MS)
    await expect(team_page.get_by_role("heading", name="No such team")).to_be_visible(timeout=_AT_ONCE_MS)


async def test_a_viewer_may_look_and_is_told_why_no_more(
    new_context: NewContext, page: Page, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await create(page, "glass-box")
    await expect_status(page, "running")
    await _share(page, "glass-box", role="viewer", person=somebody_else.name)
    theirs = await _another(new_context, somebody_else)
    await card(theirs, "glass-box").get_by_role("link", name="Open of glass-box").click()
    await expect(theirs.get_by_text("its files and terminals are for operators and managers")).to_be_visible()
    for action in ("Stop", "Restart", "Delete", "Share"):
        await expect(theirs.get_by_role("button", name=f"{action} glass-box")).to_have_count(0)
    await page.get_by_label(f"What {somebody_else.name} may do").select_option("operator")
    await expect(theirs.get_by_role("button", name="Stop glass-box")).to_be_visible(timeout=_AT_ONCE_MS)
    await theirs.get_by_role("button", name="Give up glass-box").click()
    await expect(theirs).to_have_url(re.compile(r"/$"))
    await expect(card(theirs, "glass-box")).to_have_count(0)


async def test_a_team_is_renamed_handed_over_left_and_ended(
    new_context: NewContext, page: Page, person: Person, somebody_else: Person
) -> None:
    await arrive(page, person)
    await _make_team(page, f"First of {person.name}", somebody_else)
    await page.get_by_role("button", name="Edit").click()
    await page.get_by_label("Name", exact=True).fill(f"Second of {person.name}")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name=f"Second of {person.name}")).to_be_visible()
    theirs = await _another(new_context, somebody_else)
    await theirs.goto(page.url)
    await expect(theirs.get_by_role("button", name="Delete team")).to_have_count(0)
    await page.get_by_role("button", name=f"Hand over to {somebody_else.name}").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Hand over", exact=True).click()
    await expect(theirs.get_by_role("button", name="Delete team")).to_be_visible(timeout=_AT_ONCE_MS)
    await page.get_by_role("button", name="Leave").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Leave", exact=True).click()
    await expect(page).to_have_url(re.compile(r"/teams$"))
    await expect(theirs.locator(f"[data-member='{person.name}']")).to_have_count(0, timeout=_AT_ONCE_MS)
    await theirs.get_by_role("button", name="Make inactive").click()
    await theirs.get_by_role("alertdialog").get_by_role("button", name="Make inactive").click()
    await expect(theirs.get_by_text("This team is not active")).to_be_visible()
    await theirs.get_by_role("button", name="Make it active again").click()
    await expect(theirs.get_by_text("This team is not active")).to_have_count(0)
    await theirs.get_by_role("button", name="Delete team").click()
    await theirs.get_by_role("alertdialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(theirs).to_have_url(re.compile(r"/teams$"))


async def test_the_link_of_an_invitation_is_shown_once_and_can_be_taken_back(page: Page, person: Person) -> None:
    await arrive(page, person)
    await _make_team(page, f"Invited by {person.name}")
    await page.get_by_label("Invited as what").select_option("admin")
    await page.get_by_role("button", name="Invite", exact=True).click()
    link = await page.get_by_label("Invitation link").input_value()
    await assert_accessible(page, "an invitation")
    await page.reload()
    await expect(page.get_by_role("button", name="Take back the invitation")).to_be_visible()
    await expect(page.get_by_label("Invitation link")).to_have_count(0)
    assert "/join/" in link
    await page.get_by_role("button", name="Take back the invitation").click()
    await expect(page.get_by_role("button", name="Take back the invitation")).to_have_count(0)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    new_context: NewContext, person: Person, somebody_else: Person, scheme: str, width: int
) -> None:
    page = await (
        await new_context(color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 844})
    ).new_page()
    await arrive(page, person)
    await page.goto("/teams")
    await expect(page.get_by_role("heading", name="Work on the same machines")).to_be_visible()
    await _look_at(page, f"no-teams-{scheme}")
    await page.locator("#new-team").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await _look_at(page, f"new-team-{scheme}")
    await page.keyboard.press("Escape")
    name = f"A team of {person.name} with a name that is rather long, as is"
    await _make_team(page, name, somebody_else)
    await page.get_by_label("User name").fill("nobody-at-all")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.get_by_role("alert")).to_be_visible()
    team_url = page.url
    await page.goto("/")
    await create(page, "looked-at")
    await expect_status(page, "running")
    await _share(page, "looked-at", role="manager", team=name)
    await _share_is_refused_in_words(page)
    await _look_at(page, f"share-{scheme}")
    await page.keyboard.press("Escape")
    await _look_at(page, f"container-{scheme}")
    theirs = await (await new_context(color_scheme=scheme, viewport={"width": width, "height": 844})).new_page()
    await arrive(theirs, somebody_else)
    await _look_at(theirs, f"dashboard-of-a-member-{scheme}")
    for where, path in (("team", team_url), ("teams", "/teams"), ("dashboard", "/"), ("missing", "/teams/999999")):
        await page.goto(path)
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await expect(page.locator("h1")).to_be_visible()
        await _look_at(page, f"{where}-{scheme}")


async def _share_is_refused_in_words(page: Page) -> None:
    await page.get_by_label("With whom").select_option("A person")
    await page.get_by_label("User name").fill("nobody-at-all")
    await page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("There is nobody named")


async def _look_at(page: Page, where: str) -> None:
    await expect(page.locator(":is(#new-team, #new-container):disabled")).to_have_count(0)
    await page.evaluate(  # until they have the colours of what can be pressed
        "Promise.all([...document.querySelectorAll('#new-team, #new-container')]"
        ".flatMap(each => each.getAnimations()).map(one => one.finished))"
    )
    await assert_accessible(page, where)
    wide, window = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= window, f"{where} is {wide} px wide in {window}"
