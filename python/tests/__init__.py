"""Tests of the client against a feeder written for them."""
