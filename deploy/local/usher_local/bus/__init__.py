"""The embedded stack's event bus: durable, pushing over HTTP, as rude as Pub/Sub."""
