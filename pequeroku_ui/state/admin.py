"""The administration's doors: who may come in, and the lists."""

import reflex as rx

from backend.services.admin import listing
from backend.services.admin.listing import Ask, Listing
from backend.services.admin.screen import Screen
from backend.services.admin.screens import screen_at
from pequeroku_ui.guard import Access, access, actor
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.base import AppState


def parts_of(path: str) -> tuple[str, str]:
    """The screen's path and the row's key (or "") of an address."""
    parts = path.strip("/").split("/")
    return "/".join(parts[1:3]), parts[3] if len(parts) > 3 else ""


class AdminDoorState(AppState):
    """Whoever is no administrator sees what anybody sees at an address that does not exist."""

    is_hidden: bool = False

    @rx.event
    async def load(self) -> None:
        """Any page of the administration was opened, by anybody."""
        self.is_hidden = not actor().is_superuser


class AdminListState(AppState):
    """A list. What it shows is in its address, so that it can be linked, reloaded, and gone back to."""

    heading: str = ""
    help_text: str = ""
    heads: list[words.Head] = []
    rows: list[words.ListRow] = []
    filters: list[words.FilterBox] = []
    acts: list[words.ActButton] = []
    search: str = ""
    counted: str = ""
    page_words: str = ""
    previous_href: str = ""
    next_href: str = ""
    add_href: str = ""
    all_href: str = ""
    """Without search and filters; empty where there are none."""
    selected: list[str] = []
    searches: int = 0
    """Counts up with each reading from an address, so that the search field shows what that says."""

    _path: str = ""
    _asked: Ask = Ask()

    @rx.event
    @access(Access.ADMIN)
    async def load(self) -> None:
        """The page was opened, or another view of it."""
        path, _ = parts_of(self.router.url.path)
        if path != self._path:
            self.rows, self.heads, self.heading = [], [], ""
            self._has_read(False)
        with self._loading():
            await self._enter("")
            await self._read(path)

    @rx.event
    @access(Access.ADMIN)
    async def refresh(self) -> None:
        """Something was done to its rows: read the same view again."""
        await self._read(self._path)

    @rx.event
    @access(Access.ADMIN)
    async def find(self, form: dict[str, str]) -> rx.event.EventSpec:
        """Search, from the first page on."""
        return rx.redirect(words.address(screen_at(self._path), self._asked, q=str(form.get("q", ""))[:200], page=1))

    @rx.event
    @access(Access.ADMIN)
    async def narrow(self, name: str, value: str) -> rx.event.EventSpec:
        """Set a filter; nothing takes it away."""
        change = {str(name): str(value)[:200], "page": 1}
        return rx.redirect(words.address(screen_at(self._path), self._asked, **change))

    @rx.event
    @access(Access.ADMIN)
    async def choose(self, row_key: str, is_chosen: bool) -> None:
        """Tick a row, or take the tick away."""
        others = [each for each in self.selected if each != row_key]
        self.selected = [*others, str(row_key)] if is_chosen else others

    @rx.event
    @access(Access.ADMIN)
    async def choose_all(self, is_chosen: bool) -> None:
        """Tick every row of the page, or none."""
        self.selected = [each.key for each in self.rows] if is_chosen else []

    async def _read(self, path: str) -> None:
        screen = screen_at(path)
        async with self._look() as (tx, who):
            asked = words.ask_from(screen, self.router.url.query_parameters)
            found = await listing.list_rows(tx, who, path, asked)
        self._path, self._asked = path, found.ask
        self._show(screen, found)

    def _show(self, screen: Screen, found: Listing) -> None:
        ask = found.ask
        self.heading, self.help_text = screen.title, screen.help
        self.heads, self.rows = words.heads(screen, ask), words.list_rows(screen, found)
        self.filters, self.search = words.filter_boxes(screen, ask), ask.search
        self.acts = words.act_buttons([each for each in screen.acts if each.in_bulk])
        self.counted, self.searches = words.count_words(screen, found), self.searches + 1
        self.page_words = f"Page {ask.page:,} of {found.pages:,}" if found.pages > 1 else ""
        self.previous_href = words.address(screen, ask, page=ask.page - 1) if ask.page > 1 else ""
        self.next_href = words.address(screen, ask, page=ask.page + 1) if ask.page < found.pages else ""
        self.add_href = words.place_of(screen, "add") if screen.add else ""
        self.all_href = words.place_of(screen) if ask.search or ask.filters else ""
        here = {each.key for each in self.rows}
        self.selected = [each for each in self.selected if each in here]
