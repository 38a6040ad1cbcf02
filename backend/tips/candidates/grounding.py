"""Whether a sentence says only what we know: every number and name in it comes from the slots."""

import re

from backend.tips.candidates.shapes import LONGEST, Slots

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NUMBER_WORDS = re.compile(
    r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    r"ninety|hundreds?|thousands?|dozens?|half|twice|double|percent)\b",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<=[^.!?:“\"\s]\s)[A-Z][\w’'-]*")
"""A word with a capital that does not begin a sentence: a name."""
_KNOWN_NAMES = frozenset({"I", "Linux", "AI"})
_ENDS = re.compile(r"[.!?…](?=\s)")
_DENIED = re.compile(
    r"https?:|www\.|@|[<>\[\]{}`|\\]|\b(password|token|api key|secret|credit card|click here|guarantee|doctor|"
    r"diagnos\w*|medication|invest\w*|stupid|lazy|idiot|hate|must|urgent(ly)?|immediately|last chance|sudo|rm -rf|"
    r"ignore (all|previous)|system prompt|as an ai|language model)\b",
    re.IGNORECASE,
)
_OUR_SENTENCES = 2


def problems(sentence: str, slots: Slots) -> list[str]:
    """What is wrong with a sentence of ours, in words for the log; nothing: it may be shown."""
    found: list[str] = []
    if not 8 <= len(sentence) <= LONGEST:
        found.append(f"{len(sentence)} characters")
    if not sentence.isprintable():
        found.append("it does not fit into one line")
    free = _without_slots(sentence, slots)
    found += [f"the number {each}" for each in _NUMBER.findall(free)]
    if denied := _DENIED.search(free):
        found.append(f"the words “{denied[0]}”")
    if len(_ENDS.findall(free.rstrip(".!?… "))) >= _OUR_SENTENCES:
        found.append("more than two sentences")
    return found


def problems_of_a_models(template: str, places: frozenset[str], slots: Slots, sentence: str) -> list[str]:
    """As `problems`, of words that are not ours: one sentence, no number as a word, no name, each place known.

    Args:
        places: those that it may name; `slots` are an example, and `sentence` the template filled with that.
    """
    found = problems(sentence, slots) + ungrounded(template, places)
    if _ENDS.search(_without_places(template).rstrip(".!?… ")):
        found.append("more than one sentence")
    return found


def ungrounded(template: str, places: frozenset[str]) -> list[str]:
    """What words that are not ours say beside what is known: a number, a name, or a place that there is none of."""
    free, found = _without_places(template), list[str]()
    if _NUMBER.search(free):
        found.append("a number of its own")
    if words := _NUMBER_WORDS.search(free):
        found.append(f"the number “{words[0]}”")
    found += [f"the name {each}" for each in _CAPITAL.findall(free) if each not in _KNOWN_NAMES]
    if unknown := set(re.findall(r"\{(\w*)\}", template)) - places:
        found.append(f"the places {sorted(unknown)}")
    return found


def _without_places(template: str) -> str:
    return re.sub(r"\{\w+\}", "x", template)


def _without_slots(sentence: str, slots: Slots) -> str:
    """What is left of it once all that we know is taken away, the longest first."""
    left = sentence
    for value in sorted((str(each) for each in slots.values()), key=len, reverse=True):
        if value:
            left = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "x", left)
    return left
