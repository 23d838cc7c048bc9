"""One file a chart: a function of a record that gives a :class:`Chart`, or None."""
