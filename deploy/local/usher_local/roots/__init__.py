"""Composition roots: one module a service, each with `build(stack) -> FastAPI` onto the embedded adapters."""
