"""Elements left to the browser: Reflex posts forms and follows links by script, which is not always what is wanted."""

import reflex as rx
from reflex_components_core.el.element import Element


class NativeForm(Element):
    """`<form>` as HTML has it: the browser posts it, and takes the cookie that comes back."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]


class NativeLink(Element):
    """`<a>` as HTML has it: a jump within the page moves the focus, and a link to this page loads it anew."""

    tag = "a"
    href: rx.Var[str]


native_form = NativeForm.create
native_link = NativeLink.create
