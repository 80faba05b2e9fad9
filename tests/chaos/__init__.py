"""Campaigns of kills, full disks, broken networks and broken pushes: bounded ones are tests, `make chaos` is long."""
