"""A test fails; the fault is in the code."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_CODE = '''\
"""Statistics of small lists."""


def mean(values):
    return sum(values) / len(values)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle - 1]
    return (ordered[middle - 1] + ordered[middle]) / 2
'''
_TESTS = """\
import unittest

from stats import mean, median


class Statistics(unittest.TestCase):
    def test_mean(self):
        self.assertEqual(mean([1, 2, 6]), 3)

    def test_median_of_an_even_number(self):
        self.assertEqual(median([4, 1, 3, 2]), 2.5)

    def test_median_of_an_odd_number(self):
        self.assertEqual(median([9, 1, 5]), 5)
"""

CHORE = Chore(
    question=(
        "The tests in /app fail (python3 -m unittest). Find out why, and mend the code. Leave the tests as they are."
    ),
    files={"stats.py": _CODE, "test_stats.py": _TESTS},
    prepare="md5sum test_stats.py > /tmp/tests.md5",
    check="""
md5sum --status -c /tmp/tests.md5
python3 -m unittest -q
python3 - << 'END'
from stats import mean, median
assert [median([7]), median([3, 1, 2]), median([5, 4, 3, 2, 1]), median([1, 2]), mean([2, 4])] == [7, 2, 3, 1.5, 3]
END
""",
    script=(
        uses("run", "I look how they fail.", command="python3 -m unittest -q"),
        uses("read", path="/app/stats.py"),
        uses(
            "edit", path="/app/stats.py", old="        return ordered[middle - 1]", new="        return ordered[middle]"
        ),
        uses("run", command="python3 -m unittest -q"),
        says("The median of an odd number of values was one place too low. The tests pass now."),
    ),
)
