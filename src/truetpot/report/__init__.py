"""What was computed or measured, drawn for people. Nothing is measured here."""
