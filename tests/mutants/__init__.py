"""Tests of the tests: defects are put into copies of the code, and the suite must see each."""
