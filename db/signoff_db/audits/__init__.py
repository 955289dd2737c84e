"""The audits that were asked for, and what they found."""
