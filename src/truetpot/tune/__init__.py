"""The search for a kernel's best launch parameters, checked and timed as everything else is."""
