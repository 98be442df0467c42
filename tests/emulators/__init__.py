"""Servers that the tests run adapters against: found, or started, or the test is skipped with the reason.

An emulator is taken from its environment variable, else from the installed Google Cloud CLI, else from a container.
With USHER_REQUIRE_EMULATORS=1 (CI) a missing one is a failure.
"""
