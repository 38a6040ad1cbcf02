"""The terminals of a container (terminal.jsx): bytes go between the browser and our socket, never through state."""

import reflex as rx

_PARTS = [rx.asset(name, shared=True) for name in ("xterm.jsx", "watching.jsx")]
"""What terminal.jsx is made of. They import what the assistant's conversation is drawn from (chat/)."""


class TerminalPanel(rx.NoSSRComponent):
    """Tabs of terminals that fill their place."""

    library = rx.asset("terminal.jsx", shared=True).importable_path
    lib_dependencies: list[str] = [
        "@xterm/xterm@6.0.0",
        "@xterm/addon-fit@0.11.0",
        "@xterm/addon-web-links@0.12.0",
        "@xterm/addon-search@0.16.0",
        "@xterm/addon-unicode11@0.9.0",
        "@xterm/addon-clipboard@0.2.0",
    ]
    tag = "TerminalPanel"
    container_id: rx.Var[int]
    container_name: rx.Var[str]
    is_behind_curtain: rx.Var[bool]
    """It can't be reached by keyboard or pointer, and takes the focus when that ends."""


terminal_panel = TerminalPanel.create
