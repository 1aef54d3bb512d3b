"""Histories from other systems."""
