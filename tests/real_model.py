"""The provider of language models that is set up here, for what asks real ones."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backend.ai.faults import ModelFault
from backend.ai.provider import Model, model_for
from backend.db import dispose, reading
from backend.rules.config_keys import AI_MODELS, OPENAI_API_URL, OPENAI_MODEL
from backend.settings import settings


async def real_models(wanted: Sequence[str]) -> dict[str, Model]:
    """Models by what was asked for: an alias of Config, or else the provider's name of a model.

    OPENAI_API_KEY, OPENAI_API_URL and OPENAI_MODEL come first, and then Config of this checkout's installation.

    Raises:
        ModelFault: none is set up.
    """
    if key := os.environ.get("OPENAI_API_KEY"):
        url = os.environ.get("OPENAI_API_URL") or OPENAI_API_URL.default
        one = Model(url, key, os.environ.get("OPENAI_MODEL") or OPENAI_MODEL.default)
        return {each: one if each in AI_MODELS else replace(one, name=each) for each in wanted}
    if not _is_installed():
        raise ModelFault("not-set-up", "No AI provider is set up: give OPENAI_API_KEY, or set one up here.")
    try:
        async with reading() as tx:
            return {
                each: await model_for(tx, each)
                if each in AI_MODELS
                else replace(await model_for(tx, "assistant"), name=each)
                for each in wanted
            }
    finally:
        await dispose()


def _is_installed() -> bool:
    """Whether there is a database here: to look into one that is not there would make it."""
    url = settings().url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()
