#!/bin/sh
# SQLite replays a write-ahead log that lies beside a database file whose header says that it has none.
#
# A file in rollback journal mode (bytes 18 and 19 of its header are 1; https://www.sqlite.org/fileformat2.html section 1.3.3) is expected to
# be complete by itself. Yet when a FILE-wal with valid checksums exists, opening FILE applies it, whatever the header says. Whoever reads a copy that must be
# exactly its own bytes (a backup whose digest was checked) opens it with immutable=1, which looks at no log.
#
# Seen with apsw 3.54.1.0 (SQLite 3.54.1): header 0101 (rollback journal); rows: immutable 3, plain 0. Fails when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import shutil
import apsw

print("SQLite", apsw.sqlite_lib_version())

def rows(name, flags=apsw.SQLITE_OPEN_READONLY):
    with apsw.Connection(name, flags=flags) as connection:
        return connection.execute("SELECT count(*) FROM t").get

apsw.Connection("copy.db").execute("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)").fetchall()
shutil.copy("copy.db", "other.db")
other = apsw.Connection("other.db")
other.execute("PRAGMA journal_mode = WAL; DELETE FROM t").fetchall()
shutil.copy("other.db-wal", "copy.db-wal")

header = open("copy.db", "rb").read(20)[18:20]
before = open("copy.db", "rb").read()
immutable = rows("file:copy.db?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
plain = rows("copy.db", apsw.SQLITE_OPEN_READWRITE)
print(f"header {header.hex()} (rollback journal); rows: immutable {immutable}, plain {plain}")
assert header == b"\x01\x01", "the copy is in rollback journal mode"
assert before.count(b"SQLite format 3") == 1
assert immutable == 3, "the file's own rows"
assert plain == 0, "the rows after the log beside it"
PYTHON
