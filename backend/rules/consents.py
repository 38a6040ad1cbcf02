"""What a person is asked before anything is read for tips: each scope, and the words that are agreed to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """A part of a person's life that tips may know of; each is asked for by itself."""

    TASKS = "tasks"
    CALENDAR = "calendar"
    HABITS = "habits"
    MOOD = "mood"
    CONTEXT = "context"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed to, in plain sentences: what is read, what for, and what is kept for how long."""

    title: str
    reads: str
    why: str
    keeps: str


TERMS_VERSION = 1
"""Of the sentences below. Whoever changes what one of them says counts it up: the ledger says which were agreed to."""

TERMS: Mapping[Scope, Terms] = {
    Scope.PLATFORM: Terms(
        "Your machines",
        "Reads how your machines, credits and questions to the assistant are used; never what is inside a machine.",
        "To tell you of a machine that idles, a command that keeps failing, or a limit that is near.",
        "Keeps a few numbers, for 15 minutes each. Commands that failed are counted without their words, for a day.",
    ),
    Scope.TASKS: Terms(
        "Tasks",
        "Reads your tasks at Todoist: when they are due, and when they were done.",
        "To tell you at a good moment that something is due or has waited for long.",
        "Keeps four numbers, for a day at most. Titles and notes are never kept.",
    ),
    Scope.CALENDAR: Terms(
        "Calendar",
        "Reads when you are busy: from a calendar address that you give, or from Google.",
        "To leave you alone when you are busy, and to know how long you are free.",
        "Keeps three numbers, for an hour at most. Titles, places and guests are never kept.",
    ),
    Scope.HABITS: Terms(
        "Habits",
        "Reads the habits that you wrote down here, and the days you ticked.",
        "To remind you of one before its day, or a streak, is over.",
        "Keeps what is due today, until you tick it or the day ends. The ticks stay until you delete the habit.",
    ),
    Scope.MOOD: Terms(
        "Mood",
        "Reads the marks from 1 to 5 that you gave here.",
        "To be gentler on a bad day.",
        "Keeps the latest mark and the trend of a week. The marks stay until you delete them.",
    ),
    Scope.CONTEXT: Terms(
        "The moment",
        "Reads the hour, the weekday and the kind of device when you look at the tip.",
        "To choose what fits the moment.",
        "Keeps them with the tip that was chosen, to learn from. Nothing else about the device is kept.",
    ),
}
