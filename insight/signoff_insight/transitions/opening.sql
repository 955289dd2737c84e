-- The status that an interaction began with, if it is one that Signoff knows.
signoff_status_of(signoff_status_number(opening))::text
