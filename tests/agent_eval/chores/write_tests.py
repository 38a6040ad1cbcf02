"""Tests are written that find mistakes."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_CODE = '''\
"""Addresses out of titles."""

import re


def slug(text):
    """Small letters and digits, words joined by single dashes, none at the ends. At most 40 characters."""
    joined = re.sub(r"[^a-z0-9]+", "-", text.lower())
    return joined.strip("-")[:40].rstrip("-")
'''
_TESTS = """\
import unittest

from slug import slug


class Slugs(unittest.TestCase):
    def test_letters_become_small(self):
        self.assertEqual(slug("HeLLo"), "hello")

    def test_words_are_joined_by_one_dash(self):
        self.assertEqual(slug("a  b,  c 3"), "a-b-c-3")

    def test_no_dash_at_the_ends(self):
        self.assertEqual(slug("  (hello!) "), "hello")

    def test_it_has_forty_characters_at_most_and_ends_in_none_that_joins(self):
        self.assertEqual(slug("x" * 50), "x" * 40)
        self.assertEqual(slug("y" * 39 + " z"), "y" * 39)

    def test_of_nothing_comes_nothing(self):
        self.assertEqual(slug("?"), "")


if __name__ == "__main__":
    unittest.main()
"""

CHORE = Chore(
    question=(
        "Write tests for /app/slug.py with unittest, in /app/test_slug.py. They should fail if somebody breaks what "
        " the function's docstring promises. Don't change slug.py."
    ),
    files={"slug.py": _CODE},
    prepare="cp slug.py /tmp/slug.py",
    check=r"""
cmp slug.py /tmp/slug.py
python3 -m unittest -q test_slug
folder=$(mktemp -d)
for mistake in 's/\.lower()//' 's/+", "-"/", "-"/' 's/joined\.strip("-")/joined/' 's/:40/:41/' \
    's/\.rstrip("-")//' 's/a-z0-9/a-z/'; do
    cp test_slug.py $folder/ && sed "$mistake" slug.py > $folder/slug.py
    if cmp -s slug.py $folder/slug.py; then echo "no mistake: $mistake"; false; fi
    if (cd $folder && python3 -m unittest -q test_slug 2> /dev/null); then echo "not found: $mistake"; false; fi
done
""",
    script=(
        uses("read", path="/app/slug.py"),
        uses("write", path="/app/test_slug.py", content=_TESTS),
        uses("run", command="python3 -m unittest -q test_slug"),
        says("There are five tests; they pass."),
    ),
)
