"""A stand-in for the NemoVideo service on loopback, which really renders.

A second reading of the API text: it imports none of the other rooms, so that a misreading cannot cancel out.
"""
