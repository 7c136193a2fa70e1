"""Every figure that the README claims, measured beside what a user would pick instead. ``make bench BENCH=name``."""
