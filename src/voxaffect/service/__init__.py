"""Service: recognition over HTTP and WebSocket, with limits for what strangers send.

The process of the server reads requests and writes answers. Decoding and recognition happen in
worker processes, which can be ended. So nothing that a client sends stops the event loop.
"""
