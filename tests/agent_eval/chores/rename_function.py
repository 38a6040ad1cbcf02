"""A function gets another name wherever it is meant, and nowhere else."""

from tests.agent_eval.chore import Chore
from tests.model_server import Reply, says, uses

_BILLING = '''\
"""Invoices. `compute` is what all of it is about."""

RATE = 0.19


def compute(lines):
    return round(sum(lines) * (1 + RATE), 2)


def recompute_needed(before, lines):
    return before != compute(lines)
'''
_REPORT = """\
from billing import compute, recompute_needed

lines = [10, 20.5]
total = compute(lines)
print(f"total {total:.2f}", "again" if recompute_needed(total, lines) else "fresh")
"""
_TESTS = """\
import unittest

import billing


class Billing(unittest.TestCase):
    def test_tax_is_added(self):
        self.assertEqual(billing.compute([100]), 119)
"""

CHORE = Chore(
    question=(
        "Rename the function `compute` in /app to `invoice_total`, everywhere it is used or spoken of. Other names, "
        "such as `recompute_needed`, stay. Check that it all still works."
    ),
    files={
        "billing.py": _BILLING,
        "report.py": _REPORT,
        "tests/__init__.py": "",
        "tests/test_billing.py": _TESTS,
        "README.md": "Call `compute(lines)` for the total with tax.\n",
    },
    check=r"""
if grep -rnw compute --include='*.py' --include='*.md' .; then false; fi
grep -q 'invoice_total(lines)' README.md
test "$(python3 report.py)" = 'total 36.30 fresh'
python3 -c 'from billing import invoice_total, recompute_needed; assert recompute_needed(1, [1])'
python3 -m unittest -q tests.test_billing
grep -q 'billing.invoice_total' tests/test_billing.py
""",
    script=(
        uses("search", query=r"\bcompute\b", regex=True),
        uses("edit", path="/app/README.md", old="`compute(", new="`invoice_total("),
        uses("edit", path="/app/tests/test_billing.py", old="compute", new="invoice_total"),
        uses("edit", "It is there more than once.", path="/app/billing.py", old="compute", new="invoice_total"),
        uses("run", command=r"sed -i 's/\bcompute\b/invoice_total/g' billing.py report.py"),
        Reply(
            calls=(
                ("run", {"command": "python3 -m unittest -q tests.test_billing && python3 report.py"}),
                ("search", {"query": r"\bcompute\b", "regex": True}),
            )
        ),
        says("It is `invoice_total` in all five places; the test passes and the report is as before."),
    ),
)
