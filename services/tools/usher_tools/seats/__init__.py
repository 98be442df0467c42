"""Seats: layouts, who has which seat, the best free ones, holds."""
