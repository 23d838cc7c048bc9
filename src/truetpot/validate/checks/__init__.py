"""What a process measures: a module a test, with ``measure(setting, tell)``; it judges nothing."""
