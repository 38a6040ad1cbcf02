"""The tip: a page of its own, and a line elsewhere (tip.jsx). It speaks to our API, and nothing of it is state."""

import reflex as rx

_LIBRARY = rx.asset("tip.jsx", shared=True).importable_path


class Face(rx.Component):
    """The whole page. What the server drew into it stays; see pequeroku_ui/tip_face.py."""

    library = _LIBRARY
    tag = "Face"


class TipLine(rx.NoSSRComponent):
    """The tip that stands, in one line that leads to its page; nothing, where there is none."""

    library = _LIBRARY
    tag = "TipLine"


face = Face.create
tip_line = TipLine.create
