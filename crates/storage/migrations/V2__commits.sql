-- What an engine on a server has committed lately: each transaction of commands leaves a row, so that a commit whose answer was lost can be
-- found again, or be ruled out by taking its id first. A file needs none: its commits are answered by the process itself.

CREATE TABLE commits (
  id {id} NOT NULL,
  voided {int} NOT NULL,             -- 0: it was committed; 1: it never will be
  expires_at {int} NOT NULL,         -- from then on nobody asks any more
  PRIMARY KEY (id)
) {keyed};
