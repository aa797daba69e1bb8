"""Page at ``/``: static files for a browser, and what they need of the server.

The page holds no data of its own. It sends recordings to the routes below, which go through the
same guard, limits and workers as the API.
"""
