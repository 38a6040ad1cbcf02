"""How to get into a container with one's own `ssh`."""

import reflex as rx

from pequeroku_ui.components.buttons import copy_button


def ssh_popover(command: rx.Var[str]) -> rx.Component:
    """The command, ready to be copied."""
    return rx.popover.root(
        rx.popover.trigger(
            rx.el.button(
                rx.icon("square-terminal", size=14, aria_hidden="true"),
                "SSH",
                rx.icon("chevron-down", size=14, aria_hidden="true"),
                type="button",
                aria_label="How to get in by SSH",
                class_name="pq-ghost pq-wide-only",
            )
        ),
        rx.popover.content(
            rx.el.h2("From your own machine", class_name="pq-popover-title"),
            ready_line(command, "The command"),
            rx.el.p(
                "It takes the public keys of your page ",
                rx.el.a("Account, Keys", href="/account/keys"),
                ". The same works with scp, sftp, rsync, git and editors.",
                class_name="pq-quiet",
            ),
            max_width="min(28rem, calc(100vw - 2rem))",
            collision_padding=16,
        ),
    )


def ready_line(text: rx.Var[str], name: str) -> rx.Component:
    """One line to be copied."""
    return rx.el.div(
        rx.el.pre(text, class_name="pq-secret", tab_index=0, aria_label=name),
        rx.el.div(copy_button(text, size="2"), class_name="pq-icons pq-once-end"),
    )
