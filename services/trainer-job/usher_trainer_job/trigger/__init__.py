"""The trigger of training: counts conversations, records that a training run is due."""
