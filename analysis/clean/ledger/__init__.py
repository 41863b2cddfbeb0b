"""From the books as received to bookings of villages: the join of everything that reads.

``assemble.read_books(folder)`` is the door. ``describe`` writes down what was understood and asked,
``page`` lists what a researcher must look at, ``score`` counts right and wrong where the truth is
known.
"""
