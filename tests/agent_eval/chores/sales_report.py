"""Figures out of a table, with gaps in it."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_MAKE = """
python3 - << 'END'
import csv, random
random.seed(7)
with open("sales.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["day", "region", "item", "amount"])
    for number in range(120):
        amount = "" if number % 11 == 0 else f"{random.uniform(1, 500):.2f}"
        rows.writerow([f"2026-03-{number % 28 + 1:02}", random.choice(["north", "south", "east"]), "a, b", amount])
END
"""
_SUM_UP = """\
import csv
import json
from collections import defaultdict

totals = defaultdict(float)
with open("/app/sales.csv", newline="") as file:
    for row in csv.DictReader(file):
        if row["amount"]:
            totals[row["region"]] += float(row["amount"])
told = {region: round(total, 2) for region, total in totals.items()}
with open("/app/report.json", "w") as file:
    json.dump({"by_region": told, "best": max(told, key=told.get)}, file)
"""

CHORE = Chore(
    question=(
        "Sum up /app/sales.csv in /app/report.json: an object with `by_region` (an object: region to the sum of its "
        "amounts, rounded to cents) and `best` (the region with the highest sum). Rows without an amount don't count."
    ),
    prepare=_MAKE,
    check="""
python3 - << 'END'
import csv, json
from decimal import Decimal
sums = {}
for row in csv.DictReader(open("sales.csv", newline="")):
    sums[row["region"]] = sums.get(row["region"], 0) + Decimal(row["amount"] or 0)
told = json.load(open("report.json"))
assert {each: Decimal(str(said)) for each, said in told["by_region"].items()} == sums, told
assert told["best"] == max(sums, key=sums.get), told
END
""",
    script=(
        uses("read", path="/app/sales.csv", limit=15),
        uses("write", path="/app/sum_up.py", content=_SUM_UP),
        uses("run", command="python3 sum_up.py && cat report.json"),
        says("report.json has the sums of the three regions, and the best of them."),
    ),
)
