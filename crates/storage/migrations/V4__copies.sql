-- How far a copy into this database has come, while it is not finished: one row per table. A database with a row here is not served.

CREATE TABLE copies (
  table_name {name} NOT NULL,
  source {name} NOT NULL,            -- what the rows come from: a fingerprint of that installation
  last_key {bytes},                  -- of the last row that has arrived; NULL before the first
  rows_copied {int} NOT NULL,
  checksum {hash} NOT NULL,          -- over the rows that have arrived, in key order
  finished {int} NOT NULL,           -- whether the whole table has arrived
  PRIMARY KEY (table_name)
) {keyed};
