"""What a command does, as functions that ASV, a notebook or a test calls: plan, check, measure."""
