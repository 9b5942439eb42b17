-- Whether a session outlives its browser's window, and idleness: its person chose to stay signed in. NULL is no.
ALTER TABLE sessions ADD COLUMN persistent {int};
