"""Public corpora, one module each: it holds one ``CORPUS``, and `corpora.registry` finds it.

Each was checked against the corpus's own page, read-me or repository. Where an address or a
checksum could not be verified, it is left out and ``instructions`` says how to get the files.
"""
