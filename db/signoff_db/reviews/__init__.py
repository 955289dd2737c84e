"""Reviews: replies that wait for a reviewer, who holds them, and what was decided."""
