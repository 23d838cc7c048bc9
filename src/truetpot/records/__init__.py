"""Types of every record: producers return them, everyone who reads a record reads these."""
