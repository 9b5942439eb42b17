-- Whether anybody runs the installation is found by the index users_by_founder: every platform owner has a number in it, 1 for who was made by
-- a one-time link. Before, those made on the command line had none, and all users were read to find them. One is enough to be found.
UPDATE users SET founder = 2 WHERE founder IS NULL AND id IN (
  SELECT id FROM (SELECT id FROM users WHERE platform_owner = 1 ORDER BY id LIMIT 1) AS owners
) AND NOT EXISTS (SELECT 1 FROM (SELECT id FROM users WHERE founder IS NOT NULL LIMIT 1) AS found);
