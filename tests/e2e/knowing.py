"""The whole app, with what is known of people read from a file: no signal has to have found it."""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from backend.db import Tx
from backend.tips import features
from backend.tips.features import Feature
from pequeroku_ui.pequeroku_ui import app as _app

FILE = "known.json"


async def _profile(tx: Tx, user_id: int, *, at: datetime) -> Mapping[str, Feature]:
    path = Path(os.environ["PEQUEROKU_HOME"]) / FILE
    known: dict[str, dict[str, Any]] = json.loads(path.read_text()).get(str(user_id), {}) if path.exists() else {}
    return {
        name: Feature(name, said["value"], said.get("detail", {}), at, at, at + timedelta(days=1))
        for name, said in known.items()
    }


features.profile = _profile
app = _app
