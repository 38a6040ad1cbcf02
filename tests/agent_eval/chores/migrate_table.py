"""A table gets one more column, and keeps its rows."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_MAKE = """
python3 - << 'END'
import sqlite3
with sqlite3.connect("app.db") as database:
    database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT)")
    rows = [(1, "Ana", "ana@Example.com"), (2, "Bob", None), (3, "Chris", "c@mail.example.org")]
    rows.append((4, "Di", "no address"))
    rows += [(number, f"Name {number}", f"n{number}@EXAMPLE.net") for number in range(5, 60)]
    database.executemany("INSERT INTO users VALUES (?, ?, ?)", rows)
END
"""
_LOOK = """python3 -c "import sqlite3; print(*sqlite3.connect('app.db').iterdump(), sep=chr(10))" | head"""
_MIGRATE = """\
import sqlite3

with sqlite3.connect("/app/app.db") as database:
    database.execute("ALTER TABLE users ADD COLUMN domain TEXT")
    database.execute(
        "UPDATE users SET domain = lower(substr(email, instr(email, '@') + 1)) WHERE instr(email, '@') > 0"
    )
    for row in database.execute("SELECT * FROM users LIMIT 6"):
        print(row)
"""

CHORE = Chore(
    question=(
        "The SQLite database /app/app.db has a table `users`. Add a column `domain`: what follows the @ of `email`, in "
        "small letters; NULL where there is no address, or no @ in it. Nothing else may change."
    ),
    prepare=_MAKE,
    check="""
python3 - << 'END'
import sqlite3
database = sqlite3.connect("app.db")
rows = database.execute("SELECT id, name, email, domain FROM users ORDER BY id").fetchall()
assert len(rows) == 59, len(rows)
assert rows[:4] == [
    (1, "Ana", "ana@Example.com", "example.com"), (2, "Bob", None, None),
    (3, "Chris", "c@mail.example.org", "mail.example.org"), (4, "Di", "no address", None),
], rows[:4]
assert all(row == (number, f"Name {number}", f"n{number}@EXAMPLE.net", "example.net")
           for number, row in enumerate(rows[4:], 5))
key = [row for row in database.execute("PRAGMA table_info(users)") if row[5]]
assert [row[1] for row in key] == ["id"]
END
""",
    script=(
        uses("run", command=_LOOK),
        uses("write", path="/app/migrate.py", content=_MIGRATE),
        uses("run", command="python3 migrate.py"),
        says("The column is there and filled; rows without an address have none."),
    ),
)
