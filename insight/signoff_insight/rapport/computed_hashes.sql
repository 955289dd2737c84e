-- The hashes of what contexts.sql computes, so that contexts need not be moved to be compared.
SELECT user_id, sha256(convert_to(context, 'UTF8')) FROM ({contexts}) AS computed
