"""One file a kind of record: a function of the record that gives its :class:`Section`."""
