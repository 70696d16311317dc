"""The HTTP server: uvicorn, bounded before and behind, so that nobody holds up others.

Begin with `processes.serve`. What arrives on a connection passes `connection`, which
bounds it in bytes and time and gives it to uvicorn; the request that uvicorn makes of
it is gathered by `gathering` and, when it is whole, answered by a thread (`wsgi`).
"""
