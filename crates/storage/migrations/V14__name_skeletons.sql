-- What names look like (UTS 39): of usernames and e-mail addresses that are not in ASCII alone. Who signs up gets none that looks like somebody's.
-- The row with an empty skeleton says that the names of those who were there before are in it; the program puts them there.

CREATE TABLE name_skeletons (
  skeleton {name} NOT NULL,
  user_id {id} NOT NULL,
  PRIMARY KEY (skeleton)
) {keyed};

CREATE INDEX name_skeletons_by_user ON name_skeletons (user_id);
