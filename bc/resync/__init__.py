"""Resync: every record that a filter names is queued again, with the number said first (GUIDE G35)."""
