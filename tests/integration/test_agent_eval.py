"""Some of the chores of `make agent-eval`, in a real machine: who does them passes, and who does nothing does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent_eval.baseline import baseline
from tests.agent_eval.chore import chosen
from tests.agent_eval.scoring import score
from tests.machines import PrivateNode
from tests.served_machine import served_machine

pytestmark = [pytest.mark.vm]


async def test_chores_are_scored_by_what_is_there_afterwards(node: PrivateNode, tmp_path: Path) -> None:
    chores = chosen(["failing_test", "start_service", "refused_deletion"])
    try:
        async with baseline() as model, served_machine(node, tmp_path, model) as machine:
            scores = [await score(machine, name, chore) for name, chore in chores.items()]
            assert [each.why for each in scores if not each.passed] == []
            assert [each.steps for each in scores] == [len(each.script) for each in chores.values()]

            idle = await score(machine, "idle", replace(chores["start_service"], question="Do nothing"))
            assert (idle.passed, idle.steps) == (False, 1)
            assert "Failed to connect" in idle.why or "Couldn't connect" in idle.why

            with pytest.raises(RuntimeError, match="passes though nothing was done"):
                await score(machine, "empty", replace(chores["failing_test"], check="true"))
    finally:
        node.sweep()
