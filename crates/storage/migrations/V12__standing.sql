-- An operator ends everything that was granted to a client, and a signing algorithm's keys are published while something needs them.
ALTER TABLE clients ADD COLUMN grants_ended_at {int};     -- grants made and tokens issued before it are over
ALTER TABLE signing_keys ADD COLUMN published_until {int}; -- until when tokens of its algorithm may live, where no setting publishes it anyway
