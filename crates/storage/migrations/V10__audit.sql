-- What happened, in the transaction of what happened; and, moved there a moment later, the chain that shows whether any of it was changed.

-- Written, and not yet in the chain: it stays small.
CREATE TABLE audit_events (
  id {id} NOT NULL,
  line {text} NOT NULL,              -- the event as a line of JSON, without its end
  PRIMARY KEY (id)
) {keyed};

CREATE TABLE audit_blocks (
  number {int} NOT NULL,             -- 1, 2, 3, ..
  events {text} NOT NULL,            -- lines of JSON, each with its end
  head {text} NOT NULL,              -- a JWS over the SHA-256 of these events and of the head before it
  PRIMARY KEY (number)
) {keyed};
