"""Previews of what a container's programs serve, and Run (preview.jsx): spoken to the API, never through state."""

import reflex as rx

_PREVIEW = rx.asset("preview.jsx", shared=True)
_PROCESSES = rx.asset("processes.jsx", shared=True)
"""The first imports the second, which has to stand beside it, and store.jsx, which the workspace brings."""


class _Preview(rx.NoSSRComponent):
    library = _PREVIEW.importable_path
    container_id: rx.Var[int]


class PreviewTools(_Preview):
    """Buttons: run, stop, and show the preview. While they are there, ports are watched."""

    tag = "PreviewTools"


class PreviewDock(_Preview):
    """The preview itself, beside the workspace; nothing while it is closed."""

    tag = "PreviewDock"
    can_share: rx.Var[bool]


class ShownPreviews(_Preview):
    """Links to the previews that are shown to who may not go inside."""

    tag = "ShownPreviews"


preview_tools = PreviewTools.create
preview_dock = PreviewDock.create
shown_previews = ShownPreviews.create
