"""The logs in the administration: what the assistant cost, and what was done."""

import pytest

from backend.db import transaction
from backend.models import AIUsageLog
from backend.rules.policy import SYSTEM
from backend.services import config
from backend.services.admin.screens import SCREENS
from tests.screens import listed, opened_form

pytestmark = pytest.mark.usefixtures("database")


async def test_the_list_of_ai_usage_has_the_total_and_the_row_its_parts() -> None:
    path = "internal_config/aiusagelog"
    async with transaction() as tx:
        tx.add(AIUsageLog(query="Why?", response="Because.", prompt_tokens=1000, completion_tokens=2000))
        await config.set_config(tx, SYSTEM, "token_input_price", "0.001")
        await config.set_config(tx, SYSTEM, "token_output_price", "0.002")
    (row,) = (await listed(path)).rows
    shown = {each.name for each in SCREENS[path].columns if not each.hidden}
    assert row.facts["total_cost"] == "5.000000"
    assert not shown & {"cost_input", "cost_output"}
    form = await opened_form(path, row.key)
    assert form.row is not None
    assert (form.row.facts["cost_input"], form.row.facts["cost_output"]) == ("1.000000", "4.000000")
    assert form.fields == ()


async def test_the_audit_log_is_searched_with_its_filters() -> None:
    path = "internal_config/auditlog"
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "default_credits", "7")
        await config.set_config(tx, SYSTEM, "smtp_port", "25")
    assert (await listed(path, search="default_credits")).count == 1
    assert (await listed(path, search="default_credits", filters={"success": "no"})).count == 0
    assert (await listed(path, filters={"action": "config.set", "target": "smtp_port"})).count == 1
    assert (await listed(path, search="default_credits", filters={"to": "2020-01-01"})).count == 0
    assert (await listed(path, filters={"from": "9999-12-31", "to": "9999-12-31"})).count == 0
    for odd in ("%", '"', "'", "* OR", "NEAR(", "-a:b", "\0", "'; drop table audit_log; --"):
        assert (await listed(path, search=odd)).ask.page == 1
