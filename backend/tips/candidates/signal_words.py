"""What a tip stands on, in words for its person."""

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "containers": "the fact that you have no machine yet",
    "platform.idle_vm": "how long your machines have not been used",
    "platform.failing_command": "a command that failed again and again",
    "platform.credits_left": "the credits that you have left",
    "platform.ai_uses_left": "the assistant's questions that you have left today",
    "platform.template_unused": "the templates that you have not used",
    "platform.expiry_near": "when your machines expire",
    "platform.node_unhealthy": "the state of the nodes",
    "tasks.overdue": "how many of your tasks are overdue",
    "tasks.due_today": "how many of your tasks are due today",
    "calendar.free_minutes": "when your calendar is free",
    "calendar.busy_hours_today": "how full your calendar is today",
    "habits.due_today": "your habits",
    "habits.streak_at_risk": "your habits' streaks",
    "mood.latest": "the mood that you noted",
}


def words_for(feature: str) -> str:
    """For the end of “this comes from …”."""
    return _WORDS.get(feature, feature.replace(".", " ").replace("_", " "))
