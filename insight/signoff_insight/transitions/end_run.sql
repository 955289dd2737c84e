-- Note what a run did, and why it ended early (`message`, null if it did not).
UPDATE transition_runs SET result = %(result)s, message = %(message)s, ended_at = clock_timestamp() WHERE id = %(run)s
