"""Whether the provider that Config names answers: what the form's button and the API ask."""

import asyncio

from backend.ai.faults import ModelFault
from backend.ai.provider import model_for, try_out
from backend.db import reading, transaction
from backend.rules.policy import Actor
from backend.services import config

_LONGEST_S = 30.0


async def check_provider(actor: Actor) -> str:
    """Ask the assistant's model for one word, as things are saved now; answers within half a minute, in a sentence.

    Raises:
        Forbidden, Unauthenticated: the actor may not.
        ModelFault: it does not work; the sentence says why.
    """
    async with transaction() as tx:
        await config.let_check_provider(tx, actor)
    async with reading() as tx:
        model = await model_for(tx, "assistant")
    try:
        async with asyncio.timeout(_LONGEST_S):
            return await try_out(model)
    except TimeoutError as fault:
        raise ModelFault("unavailable", f"The provider gave no answer within {_LONGEST_S:.0f} s.") from fault
