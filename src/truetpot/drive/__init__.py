"""A serving run on a live server: what it is, whether it obeys, and an existing load generator.

``server`` looks at it, ``tokens`` has its tokenizer, ``canaries`` are single requests before any
timing, ``engine`` is what a load generator has to offer, ``aiperf`` and ``guidellm`` are the two,
``point`` runs one, ``stub`` streams at a known pace, and ``calibrate`` holds the client against it.
``plan`` has the points and their order, ``arms`` are several servers, ``session`` is a whole run,
``series`` its lines, ``cost`` what it took, and ``known`` what is known of each kind of server.
"""
