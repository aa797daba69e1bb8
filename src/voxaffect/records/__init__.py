"""Values to and from plain data: one layer of schemas, and the checks of arguments.

Names and units, the same in Python, JSON, CSV, Parquet and tables:

- ``emotion`` is the stated emotion, and ``confidence`` its probability: of a prediction the
  highest one, of a segment the mean smoothed one. ``probabilities`` maps every emotion to its
  probability, in the order of the model.
- Times are seconds as floats: ``start_seconds`` and ``end_seconds`` in Python and in files.
  Only messages over a network shorten them to ``start`` and ``end``.
- ``uncertain`` is true where the confidence is below the threshold.
"""
