"""My account: what lets programs in."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.dialogs import question
from pequeroku_ui.components.forms import field, labelled, shown_once
from pequeroku_ui.components.keys import key_form
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago, last_used, until
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.ssh import ready_line
from pequeroku_ui.state.keys import KeyRow, KeysState, SshKeyRow


def page() -> rx.Component:
    """API keys, and SSH public keys beside."""
    return account_page(KeysState.load, _api_keys(), _ssh_keys())


def _api_keys() -> rx.Component:
    return section(
        "API keys",
        "api-keys",
        rx.cond(
            KeysState.new_key != "",
            shown_once(
                "Your new key",
                "Send it as “Authorization: Bearer …”. It is shown this once, and kept only as a hash.",
                KeysState.new_key,
                KeysState.put_away,
            ),
            key_form(KeysState.create, KeysState.problem, KeysState.forms),
        ),
        rx.cond(
            KeysState.api_keys.length() > 0,
            rx.el.ul(rx.foreach(KeysState.api_keys, _key), class_name="pq-sessions", role="list"),
        ),
        lead=rx.fragment(
            "Programs show one to come in as you, as far as its scope reaches. ",
            rx.link("Connect your agent", href="/me/connect", underline="always"),
            " has what to paste into which.",
        ),
    )


def _key(each: KeyRow) -> rx.Component:
    return rx.el.li(
        rx.icon("key-round", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(
                rx.el.b(each.name),
                rx.el.span(rx.cond(each.state != "", each.state, each.scope), class_name="pq-tag"),
            ),
            rx.el.p(rx.el.code(each.prefix), class_name="pq-quiet"),
            rx.el.p(
                last_used(each.last_used_at),
                rx.cond(each.last_used_ip != "", rx.el.span(" from ", each.last_used_ip)),
                rx.cond(each.expires_at != "", rx.el.span(" · expires ", until(at=each.expires_at))),
                class_name="pq-quiet",
            ),
        ),
        rx.cond(
            each.state == "",
            question(
                "Revoke this key?",
                "What uses it is shut out at once. There is no way back: make another instead.",
                "Revoke",
                KeysState.revoke(each.id),
                trigger=quiet_button("Revoke", size="2", aria_label="Revoke the key " + each.name),
            ),
        ),
        class_name=rx.cond(each.state != "", "pq-key-off", ""),
        key="key" + each.id.to_string(),
    )


def _ssh_keys() -> rx.Component:
    return section(
        "SSH public keys",
        "ssh-keys",
        _ssh_form(),
        rx.cond(
            KeysState.ssh_keys.length() > 0,
            rx.el.ul(rx.foreach(KeysState.ssh_keys, _ssh_key), class_name="pq-sessions", role="list"),
        ),
        rx.cond(KeysState.ssh_command != "", _gateway()),
        lead="They say who you are. Paste what “cat ~/.ssh/id_ed25519.pub” shows.",
    )


def _gateway() -> rx.Component:
    """Where the keys get one in, and how to know that it is there."""
    return rx.el.div(
        rx.el.h3("Into a container with your own ssh"),
        rx.el.p("NAME is the container’s; its page has the whole command.", class_name="pq-quiet"),
        ready_line(KeysState.ssh_command, "The command"),
        rx.el.p("The first time, ssh shows this fingerprint: ", rx.el.code(KeysState.ssh_fingerprint)),
        rx.el.p("Or add this line to ~/.ssh/known_hosts before:", class_name="pq-quiet"),
        ready_line(KeysState.ssh_known_hosts, "The line for known_hosts"),
        id="ssh-gateway",
    )


def _ssh_form() -> rx.Component:
    key = rx.el.textarea(
        name="public_key",
        required=True,
        rows="3",
        placeholder="ssh-ed25519 AAAA… you@laptop",
        spell_check=False,
        auto_complete="off",
        class_name="pq-input pq-textarea",
    )
    return rx.form(
        labelled("Public key", key),
        field("Name", "name", max_length=100, placeholder="the comment in the key"),
        problem(KeysState.ssh_problem),
        rx.el.div(rx.button("Add", type="submit", size="3")),
        on_submit=KeysState.add_ssh,
        key="ssh" + KeysState.ssh_forms.to_string(),
        class_name="pq-form",
    )


def _ssh_key(each: SshKeyRow) -> rx.Component:
    return rx.el.li(
        rx.icon("square-terminal", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(rx.el.b(each.name), rx.el.span(each.kind, class_name="pq-tag")),
            rx.el.p(rx.el.code(each.fingerprint), class_name="pq-quiet"),
            rx.el.p("Added ", ago(at=each.created_at), class_name="pq-quiet"),
        ),
        question(
            "Forget this key?",
            "It says who you are no more. You can add it again.",
            "Forget",
            KeysState.remove_ssh(each.id),
            trigger=quiet_button("Remove", size="2", aria_label="Remove the key " + each.name),
        ),
        key="ssh" + each.id.to_string(),
    )
