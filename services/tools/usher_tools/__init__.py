"""The box office: catalogue, seats, holds, orders, upgrades."""
