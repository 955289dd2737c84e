-- Letters of one cause among the newest `most` that were settled, the newest first, at most `limit`; no index holds
-- them. And whether these were all that were settled.
WITH newest AS MATERIALIZED (
    SELECT id, fingerprint FROM dead_letters WHERE state <> 'dead' ORDER BY id DESC LIMIT %(most)s + 1
)
SELECT ARRAY(SELECT id FROM newest WHERE fingerprint = %(fingerprint)s ORDER BY id DESC LIMIT %(limit)s),
    (SELECT count(*) <= %(most)s FROM newest)
