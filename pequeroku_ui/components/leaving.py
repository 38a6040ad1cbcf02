"""Nobody leaves a form with something typed in it by mistake (leaving.jsx)."""

import reflex as rx


class LeaveGuard(rx.Component):
    """Stands inside a form. Draw the form anew (another `key`) once it is saved."""

    library = rx.asset("leaving.jsx", shared=True).importable_path
    tag = "LeaveGuard"


leave_guard = LeaveGuard.create
