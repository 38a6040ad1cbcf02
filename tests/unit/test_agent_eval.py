"""The chores of `make agent-eval`: each can be told from the others, and its script is one that the assistant takes."""

import json

import pytest

from backend.ai.toolbox import Toolbox
from backend.ai.tools import ALL
from backend.services.turns import LONGEST_TEXT
from tests.agent_eval import baseline
from tests.agent_eval.__main__ import table
from tests.agent_eval.chore import all_chores, chosen
from tests.agent_eval.scoring import Score


def test_there_are_twenty_and_each_asks_for_something_else() -> None:
    questions = {each.question for each in all_chores().values()}
    assert len(all_chores()) == len(questions) == 20
    assert all(len(each) <= LONGEST_TEXT for each in questions)


@pytest.mark.parametrize("name", all_chores())
def test_a_script_uses_tools_as_they_are_and_ends_with_words(name: str) -> None:
    tools, script = Toolbox(ALL), all_chores()[name].script
    for reply in script:
        for tool, arguments in reply.calls:
            tools.wanted(tool, json.dumps(arguments))
    assert [bool(each.calls) for each in script] == [True] * (len(script) - 1) + [False]
    assert script[-1].text


def test_the_baseline_goes_on_where_the_conversation_stands() -> None:
    chore = all_chores()["skill"]
    told = [{"role": "system"}, {"role": "user", "content": chore.question}]
    steps = [baseline._next_step({"messages": told + [{"role": "assistant"}, {"role": "tool"}] * n}) for n in range(5)]
    assert steps[:4] == list(chore.script)
    assert steps[4].text == ("I have nothing more to say.",)


def test_what_was_done_is_told_as_a_table() -> None:
    scores = [Score("skill", True, 4, 1480, 2.04), Score("wrong_edit", False, 1, 90, 30.0, "nothing answers")]
    assert table("some-model", scores).splitlines() == [
        "chore               steps  tokens  seconds",
        "skill       passed  4      1,480   2.0",
        "wrong_edit  FAILED  1      90      30.0     nothing answers",
        "some-model: 1 of 2",
    ]


def test_who_names_a_chore_that_is_none_is_told_which_there_are() -> None:
    assert list(chosen(["skill"])) == ["skill"]
    with pytest.raises(KeyError, match=r"There is no chore “sleep”.*wrong_edit"):
        chosen(["sleep"])
