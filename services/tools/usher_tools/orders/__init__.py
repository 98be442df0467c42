"""Orders: purchases, upgrades, refunds, and the payments behind them."""
