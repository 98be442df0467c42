"""The tools over HTTP: who may call which, once per key, and the dispatch."""
