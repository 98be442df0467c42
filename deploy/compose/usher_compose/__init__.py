"""The roots of the compose stack: the Google Cloud roots on the official emulators, with tokens of the stack's own.

Mounted into the services' images by docker-compose.yaml; no released image holds it.
"""
