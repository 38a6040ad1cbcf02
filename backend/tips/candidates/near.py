"""Whether two sentences say the same: by a small embedder whose weights come in its package."""

import importlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

SAME = 0.92
"""The cosine from which on two sentences are one."""


def is_near(text: str, others: Sequence[str]) -> bool:
    """Whether it says what another says already. Takes half a second at the first call: not on a request's path."""
    if not others:
        return False
    model = _model()
    return any(float(model.similarity(text, each)) >= SAME for each in others)


@lru_cache
def _model() -> Any:
    """Loaded at the first question, from its own package: nothing is fetched."""
    library: Any = importlib.import_module("wordllama")
    folder = Path(library.__file__).parent
    return library.WordLlama.load(cache_dir=folder, disable_download=True)
