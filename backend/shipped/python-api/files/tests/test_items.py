import unittest

from app.items import Items, Unknown, Wrong


class ItemsTest(unittest.TestCase):
    def test_an_item_is_kept_until_it_is_removed(self) -> None:
        items = Items()
        tea = items.add("tea", 2)
        self.assertEqual(items.get(1), tea)
        items.remove(1)
        self.assertEqual(items.all(), [])
        with self.assertRaises(Unknown):
            items.get(1)

    def test_what_is_no_item_is_refused(self) -> None:
        for name, amount in (("", 1), (None, 1), ("tea", -1), ("tea", True), ("tea", "2")):
            with self.subTest(name=name, amount=amount), self.assertRaises(Wrong):
                Items().add(name, amount)


if __name__ == "__main__":
    unittest.main()
