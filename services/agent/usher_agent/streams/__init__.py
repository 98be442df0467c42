"""A turn as AG-UI events: numbered, stored before they are sent, resumable."""
