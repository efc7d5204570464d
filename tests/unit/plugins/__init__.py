"""Packages of other people: found, called, kept in bounds."""
