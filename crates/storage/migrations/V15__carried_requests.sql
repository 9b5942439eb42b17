-- Requests that came in a form from another site, and are taken up by the GET that follows: what was in a body goes into no address.
CREATE TABLE carried_requests (
  id {id} NOT NULL,
  secret_hash {hash} NOT NULL,
  endpoint {name} NOT NULL,          -- for which endpoint: nowhere else is it taken up
  params {text} NOT NULL,            -- what it says, as a query component
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  PRIMARY KEY (id)
) {keyed};
