"""A form that the browser posts by itself: Reflex' own never leave the page, and a cookie is set over HTTP."""

import reflex as rx
from reflex_components_core.el.element import Element


class NativeForm(Element):
    """`<form>` as HTML has it."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]


native_form = NativeForm.create
